import type { Pipeline } from '../support/pipeline.js'

/** What a dispatcher must not hold any more once everything has ended: a place that leaks silences a lane one day. */
const gauges = ['webhooks_attempts_in_flight', 'webhooks_held_records', 'webhooks_left_in_log_records']

/** What dispatchers still hold although nothing waits, for people; empty when all is well. */
export async function leftovers(pipeline: Pipeline): Promise<string[]> {
  const dispatchers = [...pipeline.services].filter(([, { name }]) => name === 'dispatcher')
  const found = dispatchers.map(async ([instance]) => {
    const metrics = await pipeline.metrics(instance)
    return gauges.flatMap((gauge) => {
      const value = new RegExp(`^${gauge}(?:{.*})? (\\S+)$`, 'm').exec(metrics)?.[1]
      return value === '0' ? [] : [`${instance} has ${gauge} ${value ?? 'unknown'} after the end`]
    })
  })
  return (await Promise.all(found)).flat()
}
