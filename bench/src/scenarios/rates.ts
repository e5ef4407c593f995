import { measureLoad } from '../measure/load-window.js'
import { loadRow } from '../measure/load-row.js'
import type { Row } from '../report/row.js'
import { audienceOf } from '../stack/audience.js'
import { cpuTable, latencyTable, memoryTable } from './load-tables.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUp } from './warm-up.js'

// Four accounts with five types each: twenty groups of webhooks that take turns.
const accounts = 4
const rates = [
  { fanOut: 1, rates: [200, 500, 2000] },
  { fanOut: 10, rates: [5000] },
]

export const fixedRates: Scenario = {
  name: 'rates',
  title: 'Fixed rates',
  text: 'Rates in deliveries per second, over HTTP, to twenty groups of receivers that answer at once.',
  tables: [latencyTable, cpuTable, memoryTable],
  async run(bench) {
    const rows: Row[] = []
    for (const { fanOut, rates: steps } of rates) rows.push(...(await runFanOut(bench, fanOut, steps)))
    return rows
  },
}

function runFanOut(bench: Bench, fanOut: number, steps: number[]): Promise<Row[]> {
  const { receiver, extent, progress } = bench
  return bench.withStack({ accounts }, async (stack) => {
    const audience = audienceOf(stack.accounts, fanOut)
    const origin = await receiver.open('http')
    await stack.subscribe(audience, () => origin)
    await warmUp(bench, stack, audience)
    const rows: Row[] = []
    for (const deliveriesPerSecond of steps) {
      const label = `${deliveriesPerSecond.toLocaleString('en')}/s, fan-out ${fanOut}`
      const load = { audience, deliveriesPerSecond, ...extent, onSample: progress.sample(label) }
      rows.push(loadRow(label, await measureLoad(stack, receiver, load)))
      progress.done(rows.at(-1)!)
    }
    return rows
  })
}
