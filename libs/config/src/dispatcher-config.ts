import { type EgressPolicyConfig, readEgressPolicyConfig } from './egress-config.js'
import type { DisableRule } from '#domain'
import { readDisableRule } from './disable-rule.js'
import { EnvironmentReader, type Environment } from './environment.js'
import { type PipelineConfig, readPipelineConfig } from './pipeline-config.js'
import { named } from './variables.js'

export interface DispatcherConfig extends PipelineConfig {
  secretsKey: string
  /** `ca` is PEM. */
  egress: EgressPolicyConfig & { ca?: string }
  attemptTimeoutMs: number
  disable: DisableRule
}

/** @throws {ConfigurationProblems} that lists everything that is wrong */
export function readDispatcherConfig(environment: Environment = process.env): DispatcherConfig {
  const reader = new EnvironmentReader(environment)
  const ca = reader.optional(named('EGRESS_CA_FILE'))
  const config: DispatcherConfig = {
    ...readPipelineConfig(reader, 9466),
    secretsKey: reader.required(named('SECRETS_KEY')),
    egress: { ...readEgressPolicyConfig(reader), ...(ca !== undefined && { ca }) },
    attemptTimeoutMs: reader.required(named('ATTEMPT_TIMEOUT')),
    disable: readDisableRule(reader),
  }
  reader.done()
  return config
}
