import { join } from 'node:path'
import { BenchReceiver } from './receiver/bench-receiver.js'
import type { Progress } from './report/progress.js'
import type { ScenarioResult } from './report/page.js'
import type { Bench, Extent, Scenario } from './scenarios/scenario.js'
import { BenchStack, type StackOptions } from './stack/bench-stack.js'
import { serviceNames } from '../../local/src/service-environment.js'

export interface RunOptions {
  scenarios: readonly Scenario[]
  repeats: number
  extent: Extent
  receiver: BenchReceiver
  progress: Progress
  stack: Omit<StackOptions, 'accounts' | 'services'>
  /** Called when a scenario is done, with all that is known by then. */
  onResult(result: ScenarioResult): void
}

/** All scenarios, and then all of them again, so that a drift of the machine shows in the spread of each. */
export async function runScenarios(options: RunOptions): Promise<ScenarioResult[]> {
  const results = options.scenarios.map((scenario): ScenarioResult => ({ scenario, repeats: [] }))
  for (let repeat = 1; repeat <= options.repeats; repeat++) {
    for (const result of results) {
      const { name, title } = result.scenario
      options.progress.title(`${title} (${name}), ${repeat} of ${options.repeats}`)
      result.repeats.push(await result.scenario.run(benchFor(options, `${name}-${repeat}`)))
      options.onResult(result)
    }
  }
  return results
}

function benchFor({ receiver, extent, progress, stack: common }: RunOptions, name: string): Bench {
  let stacks = 0
  return {
    receiver,
    extent,
    progress,
    async withStack({ accounts, services = serviceNames }, work) {
      const folder = join(common.folder, `${name}-${++stacks}`)
      progress.now('starting the services')
      const stack = await BenchStack.start({ ...common, folder, accounts, services })
      try {
        return await work(stack)
      } catch (error) {
        // What a load says when its stack dies under it is only the consequence.
        throw stack.signal.aborted ? stack.signal.reason : error
      } finally {
        progress.now('stopping the services')
        await stack.stop()
        await receiver.reset()
      }
    },
  }
}
