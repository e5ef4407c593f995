/** Of all rounds of the projector so far: how old their oldest record was when it could be read. */
export interface ProjectorDelay {
  seconds: number
  rounds: number
}

const METRIC = 'webhooks_projector_delay_seconds'

/** @param url of the API's management port; @throws Error when it has no such metric */
export async function projectorDelay(url: string): Promise<ProjectorDelay> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })
  return delayIn(await answer.text())
}

/** @param metrics in Prometheus' text format; @throws Error when the metric is not there */
export function delayIn(metrics: string): ProjectorDelay {
  return { seconds: valueOf(metrics, `${METRIC}_sum`), rounds: valueOf(metrics, `${METRIC}_count`) }
}

/** The mean of the rounds between two readings, ms; NaN when there was none. */
export function meanDelayMs(before: ProjectorDelay, after: ProjectorDelay): number {
  return ((after.seconds - before.seconds) / (after.rounds - before.rounds)) * 1000
}

function valueOf(metrics: string, name: string): number {
  const line = metrics.split('\n').find((text) => text.startsWith(name))
  if (!line) throw new Error(`the API does not tell ${name}`)
  return Number(line.slice(line.lastIndexOf(' ')))
}
