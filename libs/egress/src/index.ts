export {
  egressPolicy,
  isAllowedAddress,
  refusalOf,
  type EgressPolicy,
  type EgressPolicySettings,
} from './address-policy.js'
export { refusedBlocks, type RefusedBlock } from './address-table.js'
export { checkUrl, type CheckedUrl } from './check-url.js'
export { EgressClient, type EgressClientOptions, type EgressRequest } from './egress-client.js'
export type {
  EgressAnswer,
  EgressFailure,
  EgressFailureReason,
  EgressOwnFault,
  EgressPhase,
  EgressResult,
  OwnFaultCause,
} from './egress-result.js'
export { fileDescriptorLimit } from './file-descriptor-limit.js'
export type { ResolverOptions } from './resolver.js'
