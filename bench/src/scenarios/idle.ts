import { setTimeout as sleep } from 'node:timers/promises'
import { memoryValues, named } from '../measure/load-row.js'
import { measureLoad } from '../measure/load-window.js'
import { cpuSeconds, difference, residentBytes } from '../measure/usage.js'
import { audienceOf } from '../stack/audience.js'
import { memoryTable, processTable } from './load-tables.js'
import type { Scenario } from './scenario.js'

const accounts = 1
// Connections are opened, hot code is compiled, what was begun is finished: after that only idleness is left.
const settleSeconds = 10

export const idle: Scenario = {
  name: 'idle',
  title: 'Idle',
  text: 'Five webhooks, a few events, and then nothing for the whole window.',
  tables: [processTable('CPU, % of one core', 'idle', 2), memoryTable],
  run: ({ receiver, extent, progress, withStack }) =>
    withStack({ accounts }, async (stack) => {
      const audience = audienceOf(
        stack.accounts.map(({ id }) => id),
        1,
      )
      const origin = await receiver.open('http')
      await stack.subscribe(audience, () => origin)
      await measureLoad(stack, receiver, { audience, deliveriesPerSecond: 50, seconds: 2, warmUpSeconds: 0 })

      const seconds = extent.seconds
      progress.now(`idle, ${settleSeconds + seconds} s`)
      const rest = (duration: number): Promise<void> => sleep(duration * 1000, undefined, { signal: stack.signal })
      await rest(settleSeconds)
      const before = await cpuSeconds(stack.pids)
      await rest(seconds)
      const used = difference(await cpuSeconds(stack.pids), before)
      const row = {
        label: 'nothing to do',
        values: {
          ...named('idle', used, (cpu) => (cpu / seconds) * 100),
          ...memoryValues(await residentBytes(stack.pids)),
        },
        notes: [],
      }
      progress.done(row)
      return [row]
    }),
}
