import { type Load, measureLoad } from '../measure/load-window.js'
import type { Audience } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import type { Bench } from './scenario.js'

const deliveriesPerSecond = 2000
/** Postgres looks once a minute for tables to vacuum, and finds the warm-up's. */
const steadySeconds = 60

/** Load that nobody measures: fresh processes compile their hot paths first, and run at a third of their speed. */
export async function warmUp(bench: Bench, stack: BenchStack, audience: Audience): Promise<void> {
  const seconds = bench.extent.quick ? 3 : 30
  bench.progress.now(`warming up for ${seconds} s`)
  const load: Load = { audience, deliveriesPerSecond, seconds, warmUpSeconds: 0 }
  await measureLoad(stack, bench.receiver, load)
}

/** More of it, at the rate that is measured next: what the warm-up left behind would be taken for this rate's own. */
export async function warmUpSteady(bench: Bench, stack: BenchStack, audience: Audience, rate: number): Promise<void> {
  await warmUp(bench, stack, audience)
  const seconds = bench.extent.quick ? 1 : steadySeconds
  bench.progress.now(`${rate}/s for ${seconds} s that are not counted`)
  await measureLoad(stack, bench.receiver, { audience, deliveriesPerSecond: rate, seconds, warmUpSeconds: 0 })
}
