/** Why an attempt failed, a closed list: a label in metrics, a value in the API. */
export const FAILURE_REASONS = [
  'timeout',
  'dns',
  'connect',
  'tls',
  'tls_expired',
  'tls_untrusted',
  'tls_wrong_host',
  'connection_lost',
  'address_denied',
  'protocol',
  'http_status',
] as const
export type FailureReason = (typeof FAILURE_REASONS)[number]

/** What one attempt came to. What a stranger did is a value: nothing here is ever thrown. */
export type AttemptOutcome =
  | { kind: 'succeeded'; status: number }
  /** Failed and worth another attempt. `status` where the receiver answered, `retryAfterMs` where it asked to wait. */
  | { kind: 'failed'; reason: FailureReason; status?: number; retryAfterMs?: number }
  /** The receiver said never again: 410. */
  | { kind: 'refused'; reason: 'gone'; status: number }

export interface Attempt {
  id: string
  /** From 1. */
  number: number
  /** Ms since the epoch. */
  startedAt: number
  durationMs: number
  outcome: AttemptOutcome
}

/** The outcome of an answer with this status. `retryAfter` is the header's text; only 429 and 503 may use it. */
export function outcomeOfStatus(status: number, retryAfter: string | undefined, now: number): AttemptOutcome {
  if (status >= 200 && status < 300) return { kind: 'succeeded', status }
  if (status === 410) return { kind: 'refused', reason: 'gone', status }
  const retryAfterMs = status === 429 || status === 503 ? parseRetryAfter(retryAfter, now) : undefined
  return { kind: 'failed', reason: 'http_status', status, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

/** Reads `Retry-After` in both its forms, seconds or an HTTP date. Anything else counts as absent. Answers ms. */
export function parseRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  // Given more than once it reads as one list: the longest pause suits them all.
  if (/^\d+(?:\s*,\s*\d+)*$/.test(text)) {
    const seconds = Math.max(...text.split(',').map(Number))
    // A fact carries the number as JSON, which knows no Infinity.
    return Math.min(seconds * 1_000, Number.MAX_SAFE_INTEGER)
  }
  // Date.parse alone is lenient: it takes "1.5" for a day in 2001 and "in 2099" for a wait of decades.
  if (!HTTP_DATE.test(text) && !ASCTIME.test(text)) return undefined
  const date = Date.parse(ASCTIME.test(text) ? `${text} GMT` : text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

const HTTP_DATE = /^[A-Z][a-z]{2,8}, .+ GMT$/
/** The oldest form of an HTTP date, which is still to be understood: `Sun Nov  6 08:49:37 1994`, always in UTC. */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/

/** The sentence that the webhook's owner reads. It names no address and no internals. */
export function sentenceFor(outcome: AttemptOutcome): string {
  if (outcome.kind === 'succeeded') return `Your receiver answered ${outcome.status}.`
  if (outcome.kind === 'refused') return 'Your receiver answered 410 Gone: it wants no more of this webhook.'
  switch (outcome.reason) {
    case 'timeout':
      return 'Your receiver did not finish answering within 5 seconds.'
    case 'dns':
      return "The host name in your webhook's URL could not be resolved."
    case 'connect':
      return 'No connection to your receiver could be opened.'
    case 'tls':
      return 'No TLS connection to your receiver could be made: we speak TLS 1.2 and newer and have no client certificate.'
    case 'tls_expired':
      return "Your receiver's TLS certificate has expired or is not valid yet."
    case 'tls_untrusted':
      return "Your receiver's TLS certificate leads to no authority that we trust: send the intermediate ones with it."
    case 'tls_wrong_host':
      return "Your receiver's TLS certificate is for another host than the one in your webhook's URL."
    case 'connection_lost':
      return 'The connection was closed before your receiver had answered.'
    case 'address_denied':
      return "Your webhook's host name leads to an address that we do not send to."
    case 'protocol':
      return 'Your receiver did not answer in valid HTTP.'
    case 'http_status':
      return statusSentence(outcome.status)
  }
}

function statusSentence(status = 0): string {
  if (status >= 300 && status < 400)
    return `Your receiver answered ${status}. Redirects are not followed: use the final URL.`
  return `Your receiver answered ${status}; only a 2xx answer counts as delivered.`
}
