import type { EnvironmentReader } from './environment.js'
import { named } from './variables.js'

/** Which addresses, ports and schemes a webhook's URL may name. */
export interface EgressPolicyConfig {
  allowedCidrs: string[]
  /** `443,1024-65535` */
  allowedPorts: string
  allowHttp: boolean
}

export function readEgressPolicyConfig(reader: EnvironmentReader): EgressPolicyConfig {
  return {
    allowedCidrs: reader.optional(named('EGRESS_ALLOWED_CIDRS')) ?? [],
    allowedPorts: reader.required(named('EGRESS_ALLOWED_PORTS')),
    allowHttp: reader.required(named('EGRESS_ALLOW_HTTP')),
  }
}
