import { type Dispatcher, errors } from 'undici'
import type { Connection } from './connection.js'
import type { Deadline } from './deadline-sweep.js'
import type { EgressPhase } from './egress-result.js'
import { MOST_DRAINED_BYTES } from './inbound-limit.js'
import { headersOf } from './response-headers.js'
import type { StageStop } from './stage-outcome.js'

/** What of an answer's body is kept. */
export const MOST_BODY_BYTES = 16 * 1_024
/** Of 1xx answers to one request. Each costs a microsecond, and at line speed they would take a core until the deadline. */
const MOST_INTERIM_ANSWERS = 100

export interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
  truncated: boolean
}

export type ExchangeOutcome =
  | { kind: 'answered'; answer: Answer; canReuse: boolean }
  /** `hasAnswerBegun`: at least one byte of an answer came, so repeating the request is not ours to decide. */
  | { kind: 'stopped'; stop: StageStop; hasAnswerBegun: boolean }

/**
 * Sends one request on a connection and gathers the answer; closes the connection unless it can be used again.
 * Rejects only for a header that HTTP does not allow.
 */
export function exchange(
  connection: Connection,
  request: Dispatcher.DispatchOptions,
  deadline: Deadline,
): Promise<ExchangeOutcome> {
  return new Promise((resolve, reject) => {
    const handler = new ExchangeHandler((outcome) => {
      if (outcome.kind === 'stopped' || !outcome.canReuse) connection.close()
      if (outcome.kind === 'stopped' && isCallersMistake(outcome.stop)) reject(outcome.stop.error)
      else resolve(outcome)
    })
    deadline.onPassed(() => handler.onDeadline())
    deadline.onSweep(() => connection.checkInbound())
    connection.dispatch(request, handler)
  })
}

// Undici's word for a header or path that HTTP does not allow: nothing was sent, and no receiver had a part in it.
function isCallersMistake(stop: StageStop): stop is StageStop & { cause: 'error' } {
  if (stop.cause !== 'error') return false
  return stop.error instanceof errors.InvalidArgumentError || stop.error instanceof errors.NotSupportedError
}

/**
 * Undici's callback interface. It is the older of its two, because only this one tells when the first byte of an
 * answer arrives, and because it leaves the headers as bytes.
 */
class ExchangeHandler implements Dispatcher.DispatchHandler {
  private hasAnswerBegun = false
  private phase: EgressPhase = 'headers'
  private isSettled = false
  private status = 0
  private headers: Record<string, string> = {}
  private readonly chunks: Buffer[] = []
  private received = 0
  private interimAnswers = 0

  constructor(private readonly settle: (outcome: ExchangeOutcome) => void) {}

  onConnect(): void {}

  onResponseStarted(): void {
    this.hasAnswerBegun = true
  }

  onHeaders(status: number, rawHeaders: Buffer[]): boolean {
    if (status < 200) return this.onInterimAnswer()
    this.phase = 'body'
    this.status = status
    this.headers = headersOf(rawHeaders)
    return true
  }

  onData(chunk: Buffer): boolean {
    // Undici reuses its buffer, and a view would keep the whole of it alive: copy what is kept.
    const room = MOST_BODY_BYTES - this.received
    if (room > 0) this.chunks.push(Buffer.from(chunk.subarray(0, room)))
    this.received += chunk.length
    if (this.received > MOST_BODY_BYTES && !this.isWorthDraining()) this.answer(false)
    return true
  }

  onComplete(): void {
    this.answer(true)
  }

  onError(error: Error): void {
    if (this.isAllHere()) this.answer(false)
    else this.stop({ phase: this.phase, cause: 'error', error })
  }

  onDeadline(): void {
    if (this.isAllHere()) this.answer(false)
    else this.stop({ phase: this.phase, cause: 'deadline' })
  }

  private onInterimAnswer(): boolean {
    this.interimAnswers++
    if (this.interimAnswers > MOST_INTERIM_ANSWERS) {
      const error = new errors.HTTPParserError(`more than ${MOST_INTERIM_ANSWERS} interim answers (1xx)`)
      this.stop({ phase: 'headers', cause: 'error', error })
    }
    return true
  }

  /** All that is wanted of the answer: what is missing was to be thrown away. */
  private isAllHere(): boolean {
    return this.received >= MOST_BODY_BYTES
  }

  private isWorthDraining(): boolean {
    const announced = Number(this.headers['content-length'])
    return announced <= MOST_DRAINED_BYTES && this.received <= announced
  }

  private answer(canReuse: boolean): void {
    if (this.isSettled) return
    this.isSettled = true
    const { status, headers, chunks } = this
    const [first = Buffer.alloc(0)] = chunks
    const body = chunks.length > 1 ? Buffer.concat(chunks) : first
    const truncated = this.received > MOST_BODY_BYTES || !canReuse
    this.settle({ kind: 'answered', answer: { status, headers, body, truncated }, canReuse })
  }

  private stop(stop: StageStop): void {
    if (this.isSettled) return
    this.isSettled = true
    this.settle({ kind: 'stopped', stop, hasAnswerBegun: this.hasAnswerBegun })
  }
}
