import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { Problem } from './problem.js'

/**
 * A request's body before anybody has looked at it. It is read only behind the guards, so that nobody without a key can
 * make us hold one; what nobody reads, Node discards when the answer is out.
 */
export class UnreadBody {
  constructor(
    private readonly stream: Readable,
    private readonly headers: IncomingHttpHeaders,
    /** Bytes. */
    private readonly limit: number,
  ) {}

  /** @throws {Problem} 413, 415 for a coding of the content, 400 when the client ended before its body did */
  read(): Promise<Buffer> {
    const coding = this.headers['content-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'identity') return Promise.reject(encoded())
    if (Number(this.headers['content-length']) > this.limit) return Promise.reject(tooLarge(this.limit))
    return new Promise((resolve, reject) => this.#collect(resolve, reject))
  }

  #collect(resolve: (body: Buffer) => void, reject: (problem: Problem) => void): void {
    const { stream, limit } = this
    const chunks: Buffer[] = []
    let received = 0
    const done = (settle: () => void) => {
      stream.off('data', onData).off('end', onEnd).off('close', onClose)
      settle()
    }
    const onData = (chunk: Buffer) => {
      received += chunk.length
      chunks.push(chunk)
      if (received <= limit) return
      done(() => reject(tooLarge(limit)))
      // Read past, so that the client gets to see the answer; the request's time limit ends it.
      stream.resume()
    }
    const onEnd = () => done(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, received)))
    const onClose = () => done(() => reject(cutShort()))
    // An aborted request is an error and a close, whatever became of the listeners above.
    stream.on('error', () => undefined)
    stream.on('data', onData).on('end', onEnd).on('close', onClose)
  }
}

function encoded(): Problem {
  const detail = 'The body must be sent as it is, without a Content-Encoding.'
  return new Problem(415, 'Unsupported Media Type', detail, { headers: { 'accept-encoding': 'identity' } })
}

function tooLarge(limit: number): Problem {
  return new Problem(413, 'Payload Too Large', `The body is larger than the ${limit / 1024} KiB that this route takes.`)
}

function cutShort(): Problem {
  return new Problem(400, 'Bad Request', 'The body ended before its declared end.')
}
