/** One request as far as the receiver cares. */
export type OnRequest = (webhook: number, eventId: string) => void

const headEnd = Buffer.from('\r\n\r\n')
// Longer heads than this are not ours; better an error than a buffer without end.
const longestHeadBytes = 16 * 1024

/**
 * Reads requests off a connection: the path's number (`/w/17`) and the `webhook-id` header; the body is skipped. Knows
 * only what our dispatcher sends (HTTP/1.1 with a Content-Length), for a third of the cost of node:http: the receiver
 * shares the machine with what it measures.
 */
export class RequestReader {
  private head: Buffer | undefined
  private bodyLeft = 0
  private current: { webhook: number; eventId: string } | undefined

  constructor(private readonly onRequest: OnRequest) {}

  /** @throws Error when this is no request that it knows */
  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) rest = this.current ? this.skipBody(rest) : this.readHead(rest)
  }

  private readHead(chunk: Buffer): Buffer {
    const bytes = this.head ? Buffer.concat([this.head, chunk]) : chunk
    const end = bytes.indexOf(headEnd)
    if (end < 0) {
      if (bytes.length > longestHeadBytes) throw new Error('a request head without end')
      this.head = Buffer.from(bytes)
      return Buffer.alloc(0)
    }
    this.head = undefined
    const text = bytes.toString('latin1', 0, end + 2)
    this.bodyLeft = Number(field(text, lengthField))
    this.current = { webhook: Number(field(text, pathField)), eventId: field(text, eventField) }
    this.finishWhenComplete()
    return bytes.subarray(end + headEnd.length)
  }

  private skipBody(bytes: Buffer): Buffer {
    const skipped = Math.min(this.bodyLeft, bytes.length)
    this.bodyLeft -= skipped
    this.finishWhenComplete()
    return bytes.subarray(skipped)
  }

  private finishWhenComplete(): void {
    if (this.bodyLeft > 0 || !this.current) return
    const { webhook, eventId } = this.current
    this.current = undefined
    this.onRequest(webhook, eventId)
  }
}

const pathField = /^POST \/w\/(\d+) /
const lengthField = /\r\ncontent-length: *(\d+)\r\n/i
const eventField = /\r\nwebhook-id: *([^\r]+)\r\n/i

function field(head: string, pattern: RegExp): string {
  const value = pattern.exec(head)?.[1]
  if (value === undefined) throw new Error(`a request without ${pattern.source}`)
  return value
}
