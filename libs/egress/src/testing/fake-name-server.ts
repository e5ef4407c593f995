import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'

/** What a name leads to: addresses, `silent` (no answer ever), or an error code of the DNS protocol. */
export type FakeAnswer = { addresses: string[]; ttl?: number; silentFamily?: 4 | 6 } | 'silent' | 'refused' | 'broken'

/** What a name leads to may change with every question; both families count, from 1. */
export type ChangingAnswer = (question: number) => FakeAnswer

const rcodes = { ok: 0, broken: 2, unknown: 3, refused: 5 }
const types = { A: 1, AAAA: 28 }

/** A name server on loopback for tests, so that no question ever leaves this machine. Unknown names do not exist. */
export class FakeNameServer {
  readonly questions: string[] = []
  readonly names = new Map<string, FakeAnswer | ChangingAnswer>()

  private constructor(private readonly socket: Socket) {}

  static async start(names: Record<string, FakeAnswer | ChangingAnswer> = {}, port = 0): Promise<FakeNameServer> {
    const socket = createSocket('udp4')
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    const server = new FakeNameServer(socket)
    for (const [name, answer] of Object.entries(names)) server.names.set(name, answer)
    socket.on('message', (message, from) => {
      const reply = server.reply(message)
      if (reply) socket.send(reply, from.port, from.address)
    })
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`
  }

  async stop(): Promise<void> {
    this.socket.close()
    await once(this.socket, 'close')
  }

  private answerFor(name: string): FakeAnswer | undefined {
    const answer = this.names.get(name)
    if (typeof answer !== 'function') return answer
    return answer(this.questions.filter((question) => question.startsWith(`${name} `)).length)
  }

  private reply(message: Buffer): Buffer | undefined {
    const { name, type, end } = readQuestion(message)
    this.questions.push(`${name} ${type === types.A ? 'A' : 'AAAA'}`)
    const question = message.subarray(12, end)
    const answer = this.answerFor(name)
    if (answer === 'silent') return undefined
    if (answer === undefined) return packet(message, question, rcodes.unknown, [])
    if (answer === 'refused' || answer === 'broken') return packet(message, question, rcodes[answer], [])
    if (answer.silentFamily === (type === types.A ? 4 : 6)) return undefined
    const wanted = answer.addresses.filter((ip) => isIPv4(ip) === (type === types.A))
    const records = wanted.map((ip) => record(type, answer.ttl ?? 0, ip))
    return packet(message, question, rcodes.ok, records)
  }
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}

function packet(message: Buffer, question: Buffer, rcode: number, records: Buffer[]): Buffer {
  const head = Buffer.alloc(12)
  message.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | rcode, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, question, ...records])
}

function record(type: number, ttl: number, ip: string): Buffer {
  const data = type === types.A ? Buffer.from(ip.split('.').map(Number)) : bytesOfIPv6(ip)
  const head = Buffer.alloc(12)
  // The name is a pointer to the question's.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function bytesOfIPv6(ip: string): Buffer {
  const [before = '', after = ''] = ip.split('::')
  const left = before.split(':').filter(Boolean)
  const right = after.split(':').filter(Boolean)
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
