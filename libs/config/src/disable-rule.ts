import type { DisableRule } from '#domain'
import type { EnvironmentReader } from './environment.js'
import { named } from './variables.js'

/** Read by the dispatcher, which counts, and by the API, which judges: one rule for both. */
export function readDisableRule(reader: EnvironmentReader): DisableRule {
  return {
    afterAttempts: reader.required(named('DISABLE_AFTER_ATTEMPTS')),
    afterMs: reader.required(named('DISABLE_AFTER')),
  }
}
