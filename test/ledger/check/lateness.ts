import { type Chain, groupBy } from './chains.js'

/** How much later than its wait the first request of each retry came, ms. To be told, not judged: faults delay it. */
export function attemptsOnTime(chains: Chain[], delaysMs: readonly number[]): { p50: number; p99: number } {
  const late: number[] = []
  for (const { requests } of chains) {
    if (requests.length < 2) continue
    const byNumber = groupBy(requests, ({ attempt }) => attempt)
    for (const [number, [request]] of byNumber) {
      const before = byNumber.get(String(Number(number) - 1))?.at(-1)
      if (before && Number.isFinite(before.settledAt)) {
        late.push(request!.at - before.settledAt - delaysMs[Number(number) - 2]!)
      }
    }
  }
  late.sort((a, b) => a - b)
  const at = (share: number) => Math.round(late[Math.floor(late.length * share)] ?? 0)
  return { p50: at(0.5), p99: at(0.99) }
}
