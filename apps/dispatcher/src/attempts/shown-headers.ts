const SIGNATURES = new Set(['x-webhook-signature', 'webhook-signature'])
/** Of a signature: enough to compare it with one's own, too little to send it. */
const SHOWN_OF_A_SIGNATURE = 8

const REDACTED = '[redacted]'
/** By name: what a receiver's own session or key would be in. Whole words only, so that `idempotency-key` stays. */
const SECRET_NAMES =
  /^(?:set-)?cookie2?$|^(?:proxy-|x-)*authorization$|^authentication-info$|(?:^|[-_])(?:token|secret|passw(?:or)?d|credentials?|session(?:[-_]?id)?|sid|jwt|(?:auth|access)[-_]?token|(?:api|auth|access)[-_]?key)(?:[-_]|$)/i

/** Our request's headers as they are kept and shown: whoever may read a delivery could else send it to the receiver again. */
export function shownRequestHeaders(headers: Record<string, string>): Record<string, string> {
  const shown = { ...headers }
  for (const name of SIGNATURES) if (name in headers) shown[name] = shortened(headers[name]!)
  return shown
}

/** The receiver's headers as they are kept and shown: its cookies, tokens and keys are nobody else's business. */
export function shownResponseHeaders(headers: Record<string, string>): Record<string, string> {
  const shown: Record<string, string> = {}
  for (const name in headers) shown[name] = SECRET_NAMES.test(name) ? REDACTED : headers[name]!
  return shown
}

/** `3f2a9c1e…`, and of each Standard Webhooks signature `v1,q83vZz01…`. */
function shortened(signatures: string): string {
  return signatures
    .split(' ')
    .map((signature) => `${signature.slice(0, signature.indexOf(',') + 1 + SHOWN_OF_A_SIGNATURE)}…`)
    .join(' ')
}
