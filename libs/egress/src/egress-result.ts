/** Where an attempt was when it ended. */
export type EgressPhase = 'resolve' | 'connect' | 'tls' | 'headers' | 'body'

/** Why a stranger's receiver could not be reached or did not answer: a closed list. */
export type EgressFailureReason =
  | 'timeout'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'tls_expired'
  | 'tls_untrusted'
  | 'tls_wrong_host'
  | 'connection_lost'
  | 'address_denied'
  | 'protocol'

/** What of ours was used up or broken. */
export type OwnFaultCause = 'file_descriptors' | 'buffers' | 'memory' | 'ports' | 'resolver' | 'network'

export interface EgressAnswer {
  kind: 'answered'
  /** Any status from 200 to 599 and beyond; redirects are not followed. */
  status: number
  /** Names in lower case; repeated ones joined with a comma. */
  headers: Record<string, string>
  /** At most 16 KiB, as sent: not decompressed. */
  body: Buffer
  /** There was more than `body` holds. */
  truncated: boolean
  durationMs: number
  reusedConnection: boolean
}

/** The receiver's failure. `detail` names addresses and internals: for operators, never for the webhook's owner. */
export interface EgressFailure {
  kind: 'failed'
  reason: EgressFailureReason
  phase: EgressPhase
  detail: string
  durationMs: number
}

/** Our failure: it says nothing about the receiver and must not be counted against it. */
export interface EgressOwnFault {
  kind: 'own-fault'
  cause: OwnFaultCause
  detail: string
  durationMs: number
}

export type EgressResult = EgressAnswer | EgressFailure | EgressOwnFault
