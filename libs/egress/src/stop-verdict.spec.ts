import { expect, test } from 'vitest'
import type { EgressPhase } from './egress-result.js'
import { verdictOf } from './stop-verdict.js'

function anError(phase: EgressPhase, code: string, changes: object = {}) {
  return verdictOf({ phase, cause: 'error', error: Object.assign(new Error(code), { code }, changes) })
}

test.each([
  ['EMFILE', 'file_descriptors'],
  ['ENFILE', 'file_descriptors'],
  ['ENOBUFS', 'buffers'],
  ['ENOMEM', 'memory'],
  ['EADDRNOTAVAIL', 'ports'],
  ['ENETDOWN', 'network'],
])('%s is ours (%s), in whatever phase it shows', (code, cause) => {
  for (const phase of ['connect', 'tls', 'headers', 'body'] as const)
    expect(anError(phase, code)).toEqual({ kind: 'own-fault', cause })
})

test('a refused connection is ours at the name server and the receiver’s at the receiver', () => {
  expect(anError('resolve', 'ECONNREFUSED')).toEqual({ kind: 'own-fault', cause: 'resolver' })
  expect(anError('connect', 'ECONNREFUSED')).toEqual({ kind: 'failed', reason: 'connect' })
})

test('a missing network is the receiver’s unless it meets many', () => {
  const suspect = { kind: 'failed', reason: 'connect', suspect: 'network' }
  expect(anError('connect', 'ENETUNREACH')).toEqual(suspect)
  expect(anError('connect', 'EAFNOSUPPORT')).toEqual(suspect)
  expect(anError('connect', 'EADDRNOTAVAIL', { address: '2606:4700::1' })).toEqual(suspect)
})

test.each([
  ['ENOTFOUND', false],
  ['ENODATA', false],
  ['ESERVFAIL', true],
  ['EBADNAME', false],
  ['ETIMEOUT', true],
  ['EREFUSED', true],
])('%s from the name server is a dns failure; suspicious: %s', (code, isSuspect) => {
  expect(anError('resolve', code)).toEqual({ kind: 'failed', reason: 'dns', ...(isSuspect && { suspect: 'resolver' }) })
})

test.each([
  ['tls', 'CERT_HAS_EXPIRED', 'tls_expired'],
  ['tls', 'CERT_NOT_YET_VALID', 'tls_expired'],
  ['tls', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_untrusted'],
  ['tls', 'SELF_SIGNED_CERT_IN_CHAIN', 'tls_untrusted'],
  ['tls', 'UNABLE_TO_GET_ISSUER_CERT', 'tls_untrusted'],
  ['tls', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls_untrusted'],
  ['tls', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_untrusted'],
  ['tls', 'ERR_TLS_CERT_ALTNAME_INVALID', 'tls_wrong_host'],
  ['tls', 'CERT_SIGNATURE_FAILURE', 'tls_untrusted'],
  ['tls', 'CERT_UNTRUSTED', 'tls_untrusted'],
  ['tls', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'tls'],
  ['tls', 'ECONNRESET', 'tls'],
  ['headers', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls'],
  ['headers', 'ECONNRESET', 'connection_lost'],
  ['headers', 'UND_ERR_SOCKET', 'connection_lost'],
  ['headers', 'UND_ERR_HEADERS_OVERFLOW', 'protocol'],
  ['body', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'connection_lost'],
  ['tls', 'EGRESS_TOO_MANY_BYTES', 'tls'],
  ['headers', 'EGRESS_TOO_MANY_BYTES', 'protocol'],
  ['body', 'EGRESS_TOO_MANY_BYTES', 'protocol'],
  ['headers', 'EGRESS_TOO_MANY_SESSIONS', 'tls'],
  ['body', 'EGRESS_TOO_MANY_SESSIONS', 'tls'],
  ['connect', 'EHOSTUNREACH', 'connect'],
] as const)('in phase %s, %s is %s', (phase, code, reason) => {
  expect(anError(phase, code)).toEqual({ kind: 'failed', reason })
})

test.each([
  ['bad response', 'protocol'],
  ['bad upgrade', 'protocol'],
  ['other side closed', 'connection_lost'],
] as const)('undici’s "%s" is %s', (message, reason) => {
  expect(anError('headers', 'UND_ERR_SOCKET', { message })).toEqual({ kind: 'failed', reason })
})

test('the deadline is a time-out; while resolving it also casts suspicion on our name servers', () => {
  expect(verdictOf({ phase: 'body', cause: 'deadline' })).toEqual({ kind: 'failed', reason: 'timeout' })
  expect(verdictOf({ phase: 'resolve', cause: 'deadline' })).toEqual({
    kind: 'failed',
    reason: 'timeout',
    suspect: 'resolver',
  })
})
