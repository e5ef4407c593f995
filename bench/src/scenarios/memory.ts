import { selfSignedCertificate } from '../../../local/src/index.js'
import { latencies, latencyValues, loadNotes, memoryValues } from '../measure/load-row.js'
import { measureLoad } from '../measure/load-window.js'
import { hang } from '../receiver/answers.js'
import { BenchReceiver } from '../receiver/bench-receiver.js'
import type { Row } from '../report/row.js'
import { type Audience, audienceOf, webhookCount } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import { memoryTable } from './load-tables.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUp } from './warm-up.js'

const accounts = 4
const fanOut = 5
const deliveriesPerSecond = 2000
const parts = 5
const deliveriesPerPart = { full: 100_000, quick: 4_000 }
/** What the bad ones still owe never comes, or comes for hours. */
const mostSettleSeconds = 2

const untrusted = (webhook: number): boolean => webhook % 10 === 0
const hanging = (webhook: number): boolean => webhook % 10 === 1
const healthy = (webhook: number): boolean => webhook % 10 > 1

export const memory: Scenario = {
  name: 'memory',
  title: 'Memory over half a million deliveries',
  text:
    '2,000 deliveries a second to a hundred webhooks, of which ten show a certificate that nobody signed and ten take a ' +
    'request and never answer. Memory that grows from row to row would be a leak.',
  tables: [
    memoryTable,
    {
      title: 'The healthy eighty meanwhile',
      columns: [
        { key: 'p50', title: 'p50 ms', digits: 1 },
        { key: 'p99', title: 'p99 ms', digits: 1 },
        { key: 'max', title: 'max ms', digits: 0 },
        { key: 'missing', title: 'not arrived', digits: 0 },
      ],
    },
  ],
  run: (bench) =>
    bench.withStack({ accounts }, async (stack) => {
      const audience = audienceOf(stack.accounts, fanOut)
      const stranger = new BenchReceiver(await selfSignedCertificate(['localhost']))
      try {
        const origin = await bench.receiver.open('http')
        const untrustedOrigin = await stranger.open('https')
        await stack.subscribe(audience, (webhook) => (untrusted(webhook) ? untrustedOrigin : origin))
        await warmUp(bench, stack, audience)
        for (let webhook = 0; webhook < webhookCount(audience); webhook++)
          if (hanging(webhook)) bench.receiver.answer(webhook, hang)
        return await measureParts(bench, stack, audience)
      } finally {
        await stranger.reset()
      }
    }),
}

async function measureParts(
  { receiver, extent, progress }: Bench,
  stack: BenchStack,
  audience: Audience,
): Promise<Row[]> {
  const deliveries = extent.quick ? deliveriesPerPart.quick : deliveriesPerPart.full
  const rows: Row[] = []
  for (let part = 1; part <= parts; part++) {
    const label = `after ${(part * deliveries).toLocaleString('en')}`
    const seconds = deliveries / deliveriesPerSecond
    const load = { audience, deliveriesPerSecond, seconds, warmUpSeconds: 0, mostSettleSeconds }
    const window = await measureLoad(stack, receiver, { ...load, onSample: progress.sample(label) })
    const missing = latencyValues(window, healthy).filter((value) => value === Infinity).length
    const values = { ...memoryValues(window.residentBytes), ...latencies(window, healthy), missing }
    rows.push({ label, values, notes: loadNotes(window) })
    progress.done(rows.at(-1)!)
  }
  return rows
}
