import type { DisableRule } from '#domain'
import { readDisableRule } from './disable-rule.js'
import { EnvironmentReader, type Environment } from './environment.js'
import { type EgressPolicyConfig, readEgressPolicyConfig } from './egress-config.js'
import { type PipelineConfig, readPipelineConfig } from './pipeline-config.js'
import { named } from './variables.js'

export interface ApiConfig extends PipelineConfig {
  port: number
  /** Requests per second and API key. */
  rateLimitPerKey: number
  /** CIDRs. Empty: whoever connects is the client. */
  trustedProxies: string[]
  secretsKey: string
  /** The API calls no stranger; it refuses URLs that the dispatcher would refuse. */
  egress: EgressPolicyConfig
  /** The dispatcher's rule as well: it asks, the API judges and warns at half time. */
  disable: DisableRule
  /** Without a server, mail becomes files in `folder`. */
  mail: { smtpUrl?: string; from?: string; folder: string }
}

/** @throws {ConfigurationProblems} that lists everything that is wrong */
export function readApiConfig(environment: Environment = process.env): ApiConfig {
  const reader = new EnvironmentReader(environment)
  const smtpUrl = reader.optional(named('SMTP_URL'))
  const from = reader.optional(named('MAIL_FROM'))
  const config: ApiConfig = {
    ...readPipelineConfig(reader, 9464),
    port: reader.required(named('API_PORT')),
    rateLimitPerKey: reader.required(named('RATE_LIMIT_PER_KEY')),
    trustedProxies: reader.required(named('TRUSTED_PROXIES')),
    secretsKey: reader.required(named('SECRETS_KEY')),
    egress: readEgressPolicyConfig(reader),
    disable: readDisableRule(reader),
    mail: {
      ...(smtpUrl !== undefined && { smtpUrl }),
      ...(from !== undefined && { from }),
      folder: reader.required(named('MAIL_DIR')),
    },
  }
  if (reader.isSet('SMTP_URL') && !reader.isSet('MAIL_FROM')) {
    reader.problem('MAIL_FROM is not set: a mail server needs to be told who writes')
  }
  if (config.port !== undefined && config.port === config.managementPort) {
    reader.problem(`API_PORT: ${config.port} is the management port, too: give each its own`)
  }
  reader.done()
  return config
}
