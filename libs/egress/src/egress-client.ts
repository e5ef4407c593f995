import type { Dispatcher } from 'undici'
import type { EgressPolicy } from './address-policy.js'
import type { Connection } from './connection.js'
import { ConnectionOpener } from './connection-opener.js'
import { type Deadline, DeadlineSweep } from './deadline-sweep.js'
import type { EgressResult } from './egress-result.js'
import { exchange, type ExchangeOutcome } from './exchange.js'
import { IdleConnections } from './idle-connections.js'
import { InboundLimitError } from './inbound-limit.js'
import { OwnFaultDetector } from './own-fault-detector.js'
import type { ResolverOptions } from './resolver.js'
import type { StageStop } from './stage-outcome.js'
import { codeOf, verdictOf } from './stop-verdict.js'
import { type Target, Targets } from './target.js'

export interface EgressClientOptions {
  policy: EgressPolicy
  /** PEM of authorities that are trusted beside the default ones. */
  extraCaPem?: string
  /**
   * The most requests that the caller will have in flight; idle connections are closed to keep all sockets below it.
   * More are not queued: a queue that strangers share would let the slow ones delay the others.
   */
  maxConnections: number
  /** How long a connection waits for its next request; 45 s unless told. */
  keepAliveMs?: number
  /** Of the connections, how many may wait; all of them unless told. */
  maxIdle?: number
  resolver?: ResolverOptions
}

export interface EgressRequest {
  url: string
  headers: Record<string, string>
  body: Buffer
  /** For everything together: resolving, connecting, TLS, headers and body. */
  deadlineMs: number
  /**
   * Takes none of the connections that wait. For a receiver that left its last request unanswered: what it hangs up on
   * would be a connection that others at the same origin could have used.
   */
  onNewConnection?: boolean
}

/**
 * Sends POST requests to strangers. It follows no redirect, uses no proxy, keeps no cookie and decompresses nothing.
 * `send` never throws for what a stranger did; it rejects for a header that HTTP does not allow, and after `close`.
 */
export class EgressClient {
  private readonly targets: Targets
  private readonly opener: ConnectionOpener
  private readonly idle: IdleConnections
  // A flood on a connection that waits delays what is under way, so beside that it is looked for more often.
  private readonly sweep = new DeadlineSweep(() => this.idle.checkInbound())
  private readonly detector = new OwnFaultDetector()
  private readonly maxConnections: number
  private inFlight = 0
  private closing: Promise<void> | undefined
  private onDrained: (() => void) | undefined

  constructor(options: EgressClientOptions) {
    const { policy, maxConnections, maxIdle = maxConnections, keepAliveMs = 45_000 } = options
    this.targets = new Targets(policy)
    this.maxConnections = maxConnections
    this.idle = new IdleConnections(Math.min(maxIdle, maxConnections))
    this.opener = new ConnectionOpener({
      policy,
      keepAliveMs,
      onClosed: (connection) => this.idle.remove(connection),
      onReached: (cause, host) => this.detector.succeeded(cause, host, performance.now()),
      ...(options.extraCaPem !== undefined && { extraCaPem: options.extraCaPem }),
      ...(options.resolver && { resolver: options.resolver }),
    })
  }

  /** Open sockets now, for metrics. */
  get connections(): { inUse: number; idle: number } {
    return { inUse: this.inFlight, idle: this.idle.size }
  }

  /** One attempt. Resolves within the deadline and some 20 ms; a socket that was stopped is closed by then. */
  async send(request: EgressRequest): Promise<EgressResult> {
    if (this.closing) throw new Error('the egress client is closed')
    const startedAt = performance.now()
    const durationMs = () => Math.round(performance.now() - startedAt)
    const checked = this.targets.of(request.url)
    if (!checked.ok) {
      const detail = `the URL ${checked.problem}`
      return { kind: 'failed', reason: 'address_denied', phase: 'resolve', detail, durationMs: durationMs() }
    }
    const deadline = this.sweep.start(request.deadlineMs)
    this.inFlight++
    try {
      const attempt = await this.attempt(checked.target, request, deadline)
      if ('stop' in attempt) return { ...this.explain(attempt.stop, checked.target.host), durationMs: durationMs() }
      const { answer, reusedConnection } = attempt
      return { kind: 'answered', ...answer, durationMs: durationMs(), reusedConnection }
    } finally {
      this.sweep.end(deadline)
      this.inFlight--
      if (this.inFlight === 0) this.onDrained?.()
    }
  }

  /** Takes no more requests, lets those under way end (at the latest at their deadlines) and closes all connections. */
  close(): Promise<void> {
    this.closing ??= this.drain()
    return this.closing
  }

  private async drain(): Promise<void> {
    this.idle.shrinkTo(0)
    if (this.inFlight > 0) await new Promise<void>((resolve) => (this.onDrained = resolve))
    this.opener.close()
  }

  private async attempt(target: Target, request: EgressRequest, deadline: Deadline) {
    const options: Dispatcher.DispatchOptions = {
      method: 'POST',
      path: target.path,
      headers: request.headers,
      body: request.body,
    }
    const kept = request.onNewConnection ? undefined : this.idle.take(target.origin)
    if (kept) {
      const outcome = await this.exchange(kept, target, options, deadline)
      if (!isLostUnanswered(outcome)) return attemptOf(outcome, true)
      // The receiver closed the connection while it was idle, as it may: once more, on a connection that is new.
    }
    this.idle.shrinkTo(Math.max(0, this.maxConnections - this.inFlight))
    const opened = await this.opener.open(target.url, deadline)
    if (!opened.ok) return { stop: opened.stop }
    return attemptOf(await this.exchange(opened.value, target, options, deadline), false)
  }

  private async exchange(
    connection: Connection,
    { host }: Target,
    options: Dispatcher.DispatchOptions,
    deadline: Deadline,
  ) {
    const outcome = await exchange(connection, options, deadline)
    if (outcome.kind === 'answered') {
      this.detector.succeeded('network', host, performance.now())
      if (outcome.canReuse && connection.isOpen) this.keep(connection)
    }
    return outcome
  }

  private keep(connection: Connection): void {
    if (this.closing) connection.close()
    else this.idle.put(connection)
  }

  private explain(stop: StageStop, host: string) {
    const detail = detailOf(stop)
    const verdict = verdictOf(stop)
    if (verdict.kind === 'own-fault') {
      // Idle connections are the descriptors we can do without.
      if (verdict.cause === 'file_descriptors') this.idle.shrinkTo(0)
      return { kind: verdict.kind, cause: verdict.cause, detail }
    }
    if (verdict.suspect && this.detector.observe(verdict.suspect, host, performance.now())) {
      return { kind: 'own-fault' as const, cause: verdict.suspect, detail }
    }
    return { kind: verdict.kind, reason: verdict.reason, phase: stop.phase, detail }
  }
}

function isLostUnanswered(outcome: ExchangeOutcome): boolean {
  if (outcome.kind !== 'stopped' || outcome.stop.cause !== 'error') return false
  // Whoever sends too much is there, though it sends no answer.
  return !outcome.hasAnswerBegun && !(outcome.stop.error instanceof InboundLimitError)
}

function attemptOf(outcome: ExchangeOutcome, reusedConnection: boolean) {
  return outcome.kind === 'answered' ? { answer: outcome.answer, reusedConnection } : { stop: outcome.stop }
}

function detailOf(stop: StageStop): string {
  if (stop.cause === 'deadline') return `the deadline passed in phase ${stop.phase}`
  if (stop.cause === 'refused') return stop.detail
  return [codeOf(stop.error), stop.error.message].filter(Boolean).join(': ')
}
