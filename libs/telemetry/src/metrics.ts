import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export { Counter, Gauge, Histogram, Registry }

/** From a few milliseconds to the longest attempt, seconds. */
export const ATTEMPT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** From a quick fan-out to an hour of backlog, seconds. */
export const DELAY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600]

/**
 * How often the event loop's lag is looked at. prom-client's own 10 ms cost half a percent of a core in each idle
 * process. What the `nodejs_eventloop_lag_*` figures show includes it: 0.05 s is a loop that is never late.
 */
const LOOK_AT_LAG_EVERY_MS = 50

/** A registry with the process's own figures (CPU, memory, event loop) in it. One per process, passed by hand. */
export function createRegistry(service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOK_AT_LAG_EVERY_MS })
  return registry
}
