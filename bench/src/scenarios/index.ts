import { burst } from './burst.js'
import { idle } from './idle.js'
import { ingest } from './ingest.js'
import { isolation } from './isolation.js'
import { fixedRates } from './rates.js'
import type { Scenario } from './scenario.js'
import { sustainedRates } from './steps.js'

/** In the order of a whole run. */
export const scenarios: readonly Scenario[] = [idle, fixedRates, ...sustainedRates, isolation, burst, ingest]
