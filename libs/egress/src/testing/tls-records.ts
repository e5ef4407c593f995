import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { RawReceiverOptions } from './raw-receiver.js'

const HANDSHAKE = 22
/** Of a record. */
const MOST_CONTENT_BYTES = 16 * 1_024
const APPLICATION_DATA = 23
const NEW_SESSION_TICKET = 4
const KEY_UPDATE = 24
const AUTHENTICATION_TAG_BYTES = 16
// What OpenSSL has sent with these keys when the first request comes: two sessions, in a record each.
const RECORDS_BEFORE = 2

/**
 * What a receiver says in TLS 1.3 when it says it by itself, with the keys of Node's server and past it: sessions and new
 * keys without end, which that server cannot be told to send. Once it was used, the server's own socket must stay silent.
 */
export class TlsRecords {
  private key: Buffer = Buffer.alloc(0)
  private iv: Buffer = Buffer.alloc(0)
  private sequence = 0

  constructor(
    private readonly tcp: Socket,
    private secret: Buffer,
  ) {
    this.takeKeys()
    this.sequence = RECORDS_BEFORE
  }

  answer(text: string): void {
    const content = Buffer.from(text)
    for (let at = 0; at < content.length; at += MOST_CONTENT_BYTES) {
      this.tcp.write(this.record(APPLICATION_DATA, content.subarray(at, at + MOST_CONTENT_BYTES)))
    }
  }

  sessions(count: number): void {
    this.tcp.write(Buffer.concat(Array.from({ length: count }, () => this.record(HANDSHAKE, aTicket()))))
  }

  /** At least so many bytes of messages each of which only says that the next one has another key. */
  keyUpdates(bytes: number): void {
    const records: Buffer[] = []
    for (let length = 0; length < bytes; length += records.at(-1)?.length ?? 0) records.push(this.keyUpdate())
    this.tcp.write(Buffer.concat(records))
  }

  /** A record of no key that was agreed on. */
  nonsense(): void {
    this.tcp.write(Buffer.concat([Buffer.from([APPLICATION_DATA, 3, 3, 0, 64]), randomBytes(64)]))
  }

  private keyUpdate(): Buffer {
    const record = this.record(HANDSHAKE, message(KEY_UPDATE, Buffer.from([0])))
    this.secret = this.derived('traffic upd', 32)
    this.takeKeys()
    return record
  }

  private takeKeys(): void {
    this.key = this.derived('key', 16)
    this.iv = this.derived('iv', 12)
    this.sequence = 0
  }

  private record(type: number, content: Buffer): Buffer {
    const header = Buffer.from([APPLICATION_DATA, 3, 3, 0, 0])
    header.writeUInt16BE(content.length + 1 + AUTHENTICATION_TAG_BYTES, 3)
    const nonce = Buffer.from(this.iv)
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.sequence++) >>> 0, 8)
    const cipher = createCipheriv('aes-128-gcm', this.key, nonce).setAAD(header)
    return Buffer.concat([
      header,
      cipher.update(content),
      cipher.update(Buffer.from([type])),
      cipher.final(),
      cipher.getAuthTag(),
    ])
  }

  // HKDF-Expand-Label of RFC 8446, for as much as one hash yields.
  private derived(label: string, length: number): Buffer {
    const name = Buffer.from(`tls13 ${label}`)
    const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])])
    return createHmac('sha256', this.secret).update(info).digest().subarray(0, length)
  }
}

/** A receiver that speaks TLS by itself as soon as a request has come. */
export function speakingTls(onRequest: (records: TlsRecords, count: number) => void): RawReceiverOptions {
  let secret: Buffer = Buffer.alloc(0)
  const connections = new Map<Socket, TlsRecords>()
  return {
    tls: { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' },
    onKeyLog: (line) => {
      const [, hex] = /^SERVER_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(line) ?? []
      if (hex !== undefined) secret = Buffer.from(hex, 'hex')
    },
    onRequest: (_socket, _request, count, tcp) => {
      const records = connections.get(tcp) ?? new TlsRecords(tcp, secret)
      connections.set(tcp, records)
      // OpenSSL's own sessions, which were made before, are written after the request was handed on.
      setImmediate(() => onRequest(records, count))
    },
  }
}

function message(type: number, content: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(content.length)
  header.writeUInt8(type)
  return Buffer.concat([header, content])
}

// Lifetime, a number to hide its age with, a nonce of one byte, the ticket, and no extensions.
function aTicket(): Buffer {
  const ticket = randomBytes(200)
  const lifetime = Buffer.from([0, 0, 14, 16])
  const parts = [lifetime, randomBytes(4), Buffer.from([1]), randomBytes(1), Buffer.from([0, ticket.length]), ticket]
  return message(NEW_SESSION_TICKET, Buffer.concat([...parts, Buffer.from([0, 0])]))
}
