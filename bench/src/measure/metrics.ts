/** A service's metrics, in Prometheus' text format. @param url of its management port */
export async function metricsOf(url: string): Promise<string> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })
  return answer.text()
}

/** Of all series of that name; @throws Error when there is none */
export function sumOf(metrics: string, name: string): number {
  const series = metrics.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  if (series.length === 0) throw new Error(`the service does not tell ${name}`)
  return series.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
