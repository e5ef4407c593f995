/** Of the headers of an answer. */
export const MOST_HEADER_BYTES = 16 * 1_024
/**
 * A body that is longer than what is kept, but announced and no longer than this, is read to its end and thrown away,
 * which costs less than a new connection for the next request.
 */
export const MOST_DRAINED_BYTES = 64 * 1_024

/** From connecting to the end of the handshake, from a request to the end of its answer, and between two requests. */
export type InboundStage = 'handshake' | 'answer' | 'idle'

// Twice what can be wanted of an answer: the rest is for chunk sizes, interim answers and records of TLS.
const MOST_ANSWER_BYTES = 2 * (MOST_HEADER_BYTES + MOST_DRAINED_BYTES)

/**
 * What a receiver may send over TCP in each stage. Undici bounds the headers and we the body, but neither counts a reason
 * phrase, a chunk's extension, line breaks before an answer, or what TLS says for itself. OpenSSL takes chains of up to
 * 100 KiB; with less than that for the handshake, long ones would fail. Nothing is wanted of an idle connection, but
 * sessions of TLS may come late.
 */
export const MOST_BYTES: Readonly<Record<InboundStage, number>> = {
  handshake: MOST_ANSWER_BYTES,
  answer: MOST_ANSWER_BYTES,
  idle: 16 * 1_024,
}

/** Sessions (tickets) of TLS in one stage, of which servers send one or two. Each costs as much as kilobytes of a body. */
export const MOST_SESSIONS = 16

/** The receiver sent more than it may. */
export class InboundLimitError extends Error {
  constructor(
    readonly code: 'EGRESS_TOO_MANY_BYTES' | 'EGRESS_TOO_MANY_SESSIONS',
    message: string,
  ) {
    super(message)
  }
}

/** Counts what a receiver sends on one connection. To ask it costs some tenth of a microsecond. */
export class InboundLimit {
  private stage: InboundStage = 'handshake'
  private mostBytesRead = 0
  private sessions = 0

  /** `tcp` is the socket below TLS: above it nothing is seen of tickets, key updates and the records themselves. */
  constructor(private readonly tcp: { readonly bytesRead: number }) {
    this.begin('handshake')
  }

  /** From here on it counts anew, so a connection may be kept for as many requests as there are. */
  begin(stage: InboundStage): void {
    this.stage = stage
    this.mostBytesRead = this.tcp.bytesRead + MOST_BYTES[stage]
    this.sessions = 0
  }

  noteSession(): void {
    this.sessions++
  }

  /** What there was too much of, since the stage began. */
  excess(): InboundLimitError | undefined {
    if (this.tcp.bytesRead > this.mostBytesRead) {
      const message = `more than ${MOST_BYTES[this.stage]} bytes in stage ${this.stage}`
      return new InboundLimitError('EGRESS_TOO_MANY_BYTES', message)
    }
    if (this.sessions > MOST_SESSIONS) {
      const message = `more than ${MOST_SESSIONS} TLS sessions in stage ${this.stage}`
      return new InboundLimitError('EGRESS_TOO_MANY_SESSIONS', message)
    }
    return undefined
  }
}
