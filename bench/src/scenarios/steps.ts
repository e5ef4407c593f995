import { isSustained, loadRow } from '../measure/load-row.js'
import { measureLoad } from '../measure/load-window.js'
import { readModelsCaughtUp } from '../measure/projector-delay.js'
import type { Scheme } from '../receiver/bench-receiver.js'
import type { Row } from '../report/row.js'
import { type Audience, audienceOf } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import { climb, ladder } from './climb.js'
import { cpuTable, latencyTable, memoryTable } from './load-tables.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUp } from './warm-up.js'

const accounts = 4
const cases: { fanOut: number; scheme: Scheme }[] = [
  { fanOut: 1, scheme: 'http' },
  { fanOut: 1, scheme: 'https' },
  { fanOut: 10, scheme: 'http' },
  { fanOut: 10, scheme: 'https' },
]

/** One scenario per case, so that one of them can be run alone. */
export const sustainedRates: Scenario[] = cases.map(({ fanOut, scheme }) => ({
  name: `steps-${fanOut}-${scheme}`,
  title: `Highest sustained rate, fan-out ${fanOut}, ${scheme.toUpperCase()}`,
  text:
    'The rate grows step by step until one is not sustained twice in a row; the last good one is held for the whole ' +
    'window. Sustained: at least 99 % of as many deliveries as were due arrived in the window, the backlog stayed level, p99 below 1 s.',
  tables: [latencyTable, cpuTable, memoryTable],
  run: (bench) => runCase(bench, fanOut, scheme),
}))

function runCase(bench: Bench, fanOut: number, scheme: Scheme): Promise<Row[]> {
  return bench.withStack({ accounts }, async (stack) => {
    const audience = audienceOf(stack.accounts, fanOut)
    const origin = await bench.receiver.open(scheme)
    await stack.subscribe(audience, () => origin)
    await warmUp(bench, stack, audience)

    const { seconds, warmUpSeconds, quick } = bench.extent
    const shortSeconds = Math.max(5, seconds / 4)
    const label = `fan-out ${fanOut}, ${scheme.toUpperCase()}`
    const step = (name: string, duration: number) => (rate: number) =>
      tryRate(bench, stack, { audience, label: `${label}, ${name}`, rate, seconds: duration, warmUpSeconds })
    const held = await climb(ladder(quick), step('step', shortSeconds), step('held', seconds))
    if (held) return [{ ...held.row, label }]
    const row: Row = { label, values: {}, notes: ['not even the lowest step was sustained'] }
    bench.progress.done(row)
    return [row]
  })
}

interface Attempt {
  audience: Audience
  label: string
  rate: number
  seconds: number
  warmUpSeconds: number
}

async function tryRate(bench: Bench, stack: BenchStack, attempt: Attempt): Promise<{ sustained: boolean; row: Row }> {
  const { audience, label, rate, seconds, warmUpSeconds } = attempt
  const name = `${label} ${rate.toLocaleString('en')}/s`
  const load = { audience, deliveriesPerSecond: rate, seconds, warmUpSeconds, onSample: bench.progress.sample(name) }
  await readModelsCaughtUp(stack.managementUrl, stack.signal)
  const window = await measureLoad(stack, bench.receiver, load)
  const sustained = isSustained(window)
  const row = loadRow(name, window)
  bench.progress.done(row, sustained ? 'sustained' : 'not sustained')
  return { sustained, row }
}
