import type { ContextEventType } from '#domain'

/** Everything that the driver, the receiver, the nemesis and the API have to say about one run: plain data. */
export interface Ledger {
  webhooks: LedgerWebhook[]
  events: LedgerEvent[]
  requests: LedgerRequest[]
  faults: LedgerFault[]
  /** As the API lists them after the run, every webhook's. */
  deliveries: LedgerDelivery[]
  /** What went wrong beside the records: a process that died by itself, an answer that the contract does not know. */
  incidents: string[]
}

export interface LedgerWebhook {
  id: string
  path: string
  secret: string
  types: ContextEventType[]
  /** Its receiver answers 410 to everything. */
  isGone: boolean
  /** As the API shows it after the run. */
  state: string
  disabledReason: string | null
  /** How often `webhook-changes` says that an active webhook became inactive. */
  timesDisabled: number
}

export interface LedgerEvent {
  id: string
  type: ContextEventType
  /** What receivers must get, byte for byte. */
  body: string
  /** Every time it was posted. `unknown`: 503, no answer or no connection; it may be stored or not. */
  posts: { at: number; answer: 'accepted' | 'unknown' }[]
}

/** How a receiver answers. `slow` is `ok` after 1 to 4 s; `hang` never answers. */
export type Answer = 'ok' | 'slow' | 'error' | 'gone' | 'hang' | 'reset-before-body' | 'reset-after-processing'

export interface LedgerRequest {
  path: string
  eventId: string
  deliveryId: string
  attempt: number
  /** Ms since the epoch, before it was answered. */
  at: number
  answer: Answer
  /** Whether the whole answer was handed to a connection that was still open. */
  isAnswered: boolean
  /** Just before it was answered or reset, or when the dispatcher left it; infinite while none of these. */
  settledAt: number
  /** Of a request that was reset before its body: null. */
  bodySha256: string | null
  /** `X-Webhook-Signature`, `webhook-timestamp` and `webhook-signature`. */
  signature: string
  timestamp: string
  standardSignature: string
}

export type FaultKind = 'kill' | 'term' | 'pause'
export type Target = 'api' | 'fanout' | 'dispatcher' | 'kafka' | 'postgres'

export interface LedgerFault {
  target: Target
  /** Which process of the target: `dispatcher-2`. */
  instance: string
  kind: FaultKind
  /** When the signal was sent, and when the process was healthy again; infinite when it never was. */
  at: number
  backAt: number
  /** How we know that it happened: `4711 ended by SIGKILL and is gone`. */
  proof: string
}

export interface LedgerDelivery {
  id: string
  webhookId: string
  eventId: string
  status: string
  attemptsMade: number
  /** Null where only the list was read. */
  attempts: LedgerAttempt[] | null
}

export interface LedgerAttempt {
  id: string
  number: number
  startedAt: number
  durationMs: number
  outcome: string
  reason: string | null
  status: number | null
}

/** The answers after which a delivery is over, well. */
export function isSuccess(answer: Answer): boolean {
  return answer === 'ok' || answer === 'slow'
}
