import { waitUntil } from '../../../local/src/index.js'
import { metricsOf, sumOf } from './metrics.js'

/** Of all rounds of the projector so far: how old their oldest record was when it could be read. */
export interface ProjectorDelay {
  seconds: number
  rounds: number
}

const DELAY = 'webhooks_projector_delay_seconds'
/** Of the projector: no other consumer of the API reads this topic. */
const LAG = /^webhooks_consumer_lag_records\{[^}]*topic="[^"]*delivery-log"[^}]*\} (\d+)$/m
/** Fewer are no backlog: a load of some thousand a second has that many on their way all the time. */
const NO_BACKLOG = 1_000

/** @param url of the API's management port; @throws Error when it has no such metric */
export async function projectorDelay(url: string): Promise<ProjectorDelay> {
  return delayIn(await metricsOf(url))
}

/** @param metrics in Prometheus' text format; @throws Error when the metric is not there */
export function delayIn(metrics: string): ProjectorDelay {
  return { seconds: sumOf(metrics, `${DELAY}_sum`), rounds: sumOf(metrics, `${DELAY}_count`) }
}

/** The mean of the rounds between two readings, ms; NaN when there was none. */
export function meanDelayMs(before: ProjectorDelay, after: ProjectorDelay): number {
  return ((after.seconds - before.seconds) / (after.rounds - before.rounds)) * 1000
}

/** Records that are not in the read models; undefined while the projector holds no partitions. */
export function lagIn(metrics: string): number | undefined {
  const lag = LAG.exec(metrics)?.[1]
  return lag === undefined ? undefined : Number(lag)
}

/** Waits until what happened is in the read models: a backlog of theirs would take its CPU out of the next window. */
export async function readModelsCaughtUp(url: string, signal: AbortSignal): Promise<void> {
  const isCaughtUp = async (): Promise<boolean> => (lagIn(await metricsOf(url)) ?? Infinity) < NO_BACKLOG
  await waitUntil('the read models catching up', isCaughtUp, { timeoutMs: 120_000, signal })
}
