import { setTimeout as sleep } from 'node:timers/promises'
import { memoryValues, named } from '../measure/load-row.js'
import { measureLoad } from '../measure/load-window.js'
import { cpuSeconds, difference, residentBytes } from '../measure/usage.js'
import { formatValue } from '../report/table.js'
import { audienceOf } from '../stack/audience.js'
import { memoryTable, processTable } from './load-tables.js'
import type { Scenario } from './scenario.js'

const accounts = 1
// Hot code is compiled by it, which is no work that comes back.
const deliveriesPerSecond = 500
const loadSeconds = 30
// What was begun is finished, and Postgres has vacuumed what was written: after that only idleness is left.
const settleSeconds = { usual: 90, quick: 10 }

export const idle: Scenario = {
  name: 'idle',
  title: 'Idle',
  text:
    'Half a minute of load, some time for what that leaves behind (code to compile, tables to vacuum), and then nothing ' +
    'for the whole window.',
  tables: [processTable('CPU, % of one core', 'idle', 2), memoryTable],
  run: ({ receiver, extent, progress, withStack }) =>
    withStack({ accounts }, async (stack) => {
      const audience = audienceOf(stack.accounts, 1)
      const origin = await receiver.open('http')
      await stack.subscribe(audience, () => origin)
      progress.now(`loading for ${loadSeconds} s`)
      await measureLoad(stack, receiver, { audience, deliveriesPerSecond, seconds: loadSeconds, warmUpSeconds: 0 })

      const { seconds, quick } = extent
      const before = quick ? settleSeconds.quick : settleSeconds.usual
      progress.now(`idle, ${before + seconds} s`)
      const rest = (duration: number): Promise<void> => sleep(duration * 1000, undefined, { signal: stack.signal })
      await rest(before)
      const usedBefore = await cpuSeconds(stack.pids)
      await rest(seconds)
      const used = difference(await cpuSeconds(stack.pids), usedBefore)
      const cpu = named('idle', used, (cpuSpent) => (cpuSpent / seconds) * 100)
      const values = { ...cpu, ...memoryValues(await residentBytes(stack.pids)) }
      const row = { label: 'nothing to do', values, notes: [] }
      progress.done(row, `${formatValue(cpu.idle_all, 1)} % of one core`)
      return [row]
    }),
}
