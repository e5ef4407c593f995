import type { ServiceName } from '../../../local/src/service-environment.js'
import type { BenchReceiver } from '../receiver/bench-receiver.js'
import type { Progress } from '../report/progress.js'
import type { Row } from '../report/row.js'
import type { Table } from '../report/table.js'
import type { BenchStack } from '../stack/bench-stack.js'

/** How long and how much; `--quick` shows that everything works and says little about speed. */
export interface Extent {
  seconds: number
  warmUpSeconds: number
  quick: boolean
}

/** What a scenario works with. */
export interface Bench {
  receiver: BenchReceiver
  extent: Extent
  progress: Progress
  /** Runs `work` on a fresh stack, which has ended afterwards. */
  withStack<T>(needs: StackNeeds, work: (stack: BenchStack) => Promise<T>): Promise<T>
}

export interface StackNeeds {
  accounts: number
  /** All three unless told. */
  services?: readonly ServiceName[]
}

export interface Scenario {
  name: string
  title: string
  /** For the published page: what is done, and how to read it. */
  text: string
  tables: readonly Table[]
  /** One row per measurement; a repeat gives the same labels. */
  run(bench: Bench): Promise<Row[]>
}
