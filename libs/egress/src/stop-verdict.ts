import type { EgressFailureReason, EgressPhase, OwnFaultCause } from './egress-result.js'
import { isMissingNetwork } from './missing-network.js'
import type { SharedCause } from './own-fault-detector.js'
import type { StageStop } from './stage-outcome.js'

/** What an attempt's end means. `suspect`: the receiver's failure, unless the same meets many hosts at once. */
export type StopVerdict =
  { kind: 'own-fault'; cause: OwnFaultCause } | { kind: 'failed'; reason: EgressFailureReason; suspect?: SharedCause }

/** Whose fault it is that an attempt stopped, and why in a word. Unknown errors are the receiver's, by phase. */
export function verdictOf(stop: StageStop): StopVerdict {
  if (stop.cause === 'refused') return { kind: 'failed', reason: 'address_denied' }
  if (stop.cause === 'deadline') {
    return { kind: 'failed', reason: 'timeout', ...(stop.phase === 'resolve' && { suspect: 'resolver' }) }
  }
  if (isMissingNetwork(stop.error)) return { kind: 'failed', reason: 'connect', suspect: 'network' }
  const code = codeOf(stop.error)
  const ownCause = ownFaultCodes.get(code)
  if (ownCause) return { kind: 'own-fault', cause: ownCause }
  return strangersVerdict(stop.phase, code, stop.error)
}

const ownFaultCodes: ReadonlyMap<string, OwnFaultCause> = new Map([
  ['EMFILE', 'file_descriptors'],
  ['ENFILE', 'file_descriptors'],
  ['ENOBUFS', 'buffers'],
  ['ENOMEM', 'memory'],
  ['EADDRNOTAVAIL', 'ports'],
  ['ENETDOWN', 'network'],
])

// Node's names of what OpenSSL found, of those that the receiver's owner can mend.
const certificateReasons: ReadonlyMap<string, EgressFailureReason> = new Map([
  ['CERT_HAS_EXPIRED', 'tls_expired'],
  ['CERT_NOT_YET_VALID', 'tls_expired'],
  ['CERT_SIGNATURE_FAILURE', 'tls_untrusted'],
  ['CERT_UNTRUSTED', 'tls_untrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_untrusted'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'tls_untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'tls_untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls_untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_untrusted'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_wrong_host'],
])

function strangersVerdict(phase: EgressPhase, code: string, error: Error): StopVerdict {
  switch (phase) {
    case 'resolve':
      return resolveVerdict(code)
    case 'connect':
      return { kind: 'failed', reason: 'connect' }
    case 'tls':
      return { kind: 'failed', reason: certificateReasons.get(code) ?? 'tls' }
    case 'headers':
    case 'body':
      return { kind: 'failed', reason: exchangeReason(code, error) }
  }
}

function resolveVerdict(code: string): StopVerdict {
  // c-ares says so when the name server's port is closed or it got no socket. A server's REFUSED answer is another code,
  // and some forwarders pass it on from the stranger's name server, so that alone proves nothing.
  if (code === 'ECONNREFUSED') return { kind: 'own-fault', cause: 'resolver' }
  return { kind: 'failed', reason: 'dns', ...(suspiciousCodes.has(code) && { suspect: 'resolver' }) }
}

// ESERVFAIL too: a forwarder whose upstream is away says so for every name.
const suspiciousCodes: ReadonlySet<string> = new Set(['ETIMEOUT', 'EREFUSED', 'ESERVFAIL'])

const protocolCodes: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_OVERFLOW', 'EGRESS_TOO_MANY_BYTES'])

function exchangeReason(code: string, error: Error): EgressFailureReason {
  // A receiver that wants a client certificate says so only after the handshake, in TLS 1.3.
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EGRESS_TOO_MANY_SESSIONS') return 'tls'
  if (error.name === 'HTTPParserError' || protocolCodes.has(code)) return 'protocol'
  // Undici's words for a 100 or 101 that nobody asked for.
  if (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)/.test(error.message)) return 'protocol'
  return 'connection_lost'
}

/** The error's code in Node or OpenSSL or undici, or an empty text. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
