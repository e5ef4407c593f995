import { burst } from './burst.js'
import { idle } from './idle.js'
import { ingest } from './ingest.js'
import { isolation } from './isolation.js'
import { fixedRates } from './rates.js'
import { lists } from './lists.js'
import { memory } from './memory.js'
import { replay } from './replay.js'
import type { Scenario } from './scenario.js'
import { spacing } from './spacing.js'
import { sustainedRates } from './steps.js'

/** In the order of a whole run: the broker is warm before it is asked what it costs when nothing happens. */
export const scenarios: readonly Scenario[] = [
  fixedRates,
  idle,
  ...sustainedRates,
  isolation,
  replay,
  burst,
  spacing,
  memory,
  ingest,
  lists,
]
