import { type Load, measureLoad } from '../measure/load-window.js'
import type { Audience } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import type { Bench } from './scenario.js'

const deliveriesPerSecond = 2000

/** Load that nobody measures: fresh processes compile their hot paths first, and run at a third of their speed. */
export async function warmUp(bench: Bench, stack: BenchStack, audience: Audience): Promise<void> {
  const seconds = bench.extent.quick ? 3 : 30
  bench.progress.now(`warming up for ${seconds} s`)
  const load: Load = { audience, deliveriesPerSecond, seconds, warmUpSeconds: 0 }
  await measureLoad(stack, bench.receiver, load)
}
