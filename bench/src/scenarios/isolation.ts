import { summarize } from '../measure/latency-summary.js'
import { latencyValues, loadNotes } from '../measure/load-row.js'
import { measureLoad, type LoadWindow } from '../measure/load-window.js'
import { readModelsCaughtUp } from '../measure/projector-delay.js'
import type { Row } from '../report/row.js'
import type { Table } from '../report/table.js'
import { type Audience, audienceOf, webhookCount } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import { type Turn, comparedColumns, inTurns } from './in-turns.js'
import { type Misbehaviour, hanging, misbehaviours, quiet } from './misbehaviour.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUp } from './warm-up.js'

const deliveriesPerSecond = 500
// With five types each: a hundred groups.
const accounts = 20
const lateMs = 1000
// What the bad ones still owe may come for minutes; a healthy one that takes longer is late anyway.
const mostSettleSeconds = 3
/** How often each kind and a quiet window follow each other. */
const turns = { full: 3, quick: 1 }

interface Crowd {
  /** 1: a hundred webhooks; 10: a thousand. */
  fanOut: number
  /** Of every ten webhooks in a row, so many are bad: of every account, and of every event's where the fan-out is ten. */
  badOfTen: number
  origins: 'one origin' | 'own origins'
}

const table: Table = {
  title: 'Healthy receivers',
  columns: [
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'max', title: 'max ms', digits: 0 },
    ...comparedColumns('quiet'),
    { key: 'late', title: 'later than 1 s', digits: 0 },
    { key: 'healthy', title: 'deliveries', digits: 0 },
  ],
}

export const isolation: Scenario = {
  name: 'isolation',
  title: 'Isolation',
  text:
    'Some of the receivers misbehave while 500 deliveries a second go to all of them in turn: do the healthy ones ' +
    'notice? All behind one origin, as at hooks.slack.com, and each on a port of its own. All are well before a window, and ' +
    'the bad ones turn bad as it begins, but for those whose port itself is bad. Quiet windows and those with ' +
    'bad receivers take turns, three of each for every kind; each is compared with the quiet ones before and after it, ' +
    'since a shared machine is faster at times, and all of a kind together with all quiet ones among them, since one ' +
    'pause of the machine decides the p99 of a single window.',
  tables: [table],
  run: (bench) =>
    bench.withStack({ accounts }, async (stack) => {
      await prepare(bench, stack)
      const rows: Row[] = []
      for (const origins of ['one origin', 'own origins'] as const) {
        const hundred: Crowd = { fanOut: 1, badOfTen: 1, origins }
        const kinds = bench.extent.quick ? misbehaviours.filter(isQuickKind) : misbehaviours
        rows.push(...(await compare(bench, stack, hundred, kinds)))
        rows.push(...(await compare(bench, stack, { fanOut: 10, badOfTen: 5, origins }, [hanging])))
      }
      return rows
    }),
}

function isQuickKind({ name }: Misbehaviour): boolean {
  return name === 'take 5 s' || name === 'black-hole'
}

async function prepare(bench: Bench, stack: BenchStack): Promise<void> {
  const audience = audienceOf(stack.accounts, 1)
  const origin = await bench.receiver.open('http')
  await stack.subscribe(audience, () => origin)
  await warmUp(bench, stack, audience)
  await stack.unsubscribeAll()
  // What only failures run is compiled too, whichever comes first, and is nothing that a neighbour would feel again.
  for (const kind of misbehaviours) {
    bench.progress.now(`warming up with receivers that ${kind.name}`)
    await measure(bench, stack, { fanOut: 1, badOfTen: 1, origins: 'own origins' }, audience, kind)
  }
}

/** One kind after the other, in turns with quiet windows. */
async function compare(bench: Bench, stack: BenchStack, crowd: Crowd, kinds: Misbehaviour[]): Promise<Row[]> {
  const audience = audienceOf(stack.accounts, crowd.fanOut)
  const measured = (kind: Misbehaviour) => async (): Promise<Turn> => {
    const turn = await measure(bench, stack, crowd, audience, kind)
    bench.progress.done(turn.row)
    return turn
  }
  const quiets = [await measured(quiet)()]
  const bad: Turn[] = []
  for (const kind of kinds) {
    const count = bench.extent.quick ? turns.quick : turns.full
    const rows = await inTurns(count, quiets.at(-1)!, measured(quiet), measured(kind))
    quiets.push(...rows.plain)
    bad.push(...rows.changed)
  }
  return [...quiets, ...bad].map(({ row }) => row)
}

async function measure(
  bench: Bench,
  stack: BenchStack,
  crowd: Crowd,
  audience: Audience,
  kind: Misbehaviour,
): Promise<Turn> {
  const { receiver, extent, progress } = bench
  const isBad = (webhook: number): boolean => webhook % 10 < crowd.badOfTen
  const all = Array.from({ length: webhookCount(audience) }, (_, webhook) => webhook)
  const bad = all.filter(isBad)
  const label = labelOf(crowd, kind, all.length, bad.length)

  // New webhooks for every kind: their lanes and circuits have no memory of the last one.
  const origins = await openOrigins(bench, crowd, all.length)
  const own = crowd.origins === 'own origins' ? await kind.ports?.(bad.length) : undefined
  const urlOf = (webhook: number): string => {
    const port = isBad(webhook) ? own?.ports[bad.indexOf(webhook)] : undefined
    return port === undefined ? origins[webhook % origins.length]! : `http://localhost:${port}`
  }
  try {
    await readModelsCaughtUp(stack.managementUrl, stack.signal)
    await stack.subscribe(audience, urlOf)
    const load = {
      audience,
      deliveriesPerSecond,
      mostSettleSeconds,
      onSample: progress.sample(label),
      warmUpSeconds: 0,
    }
    await measureLoad(stack, receiver, { ...load, seconds: extent.warmUpSeconds })
    // Within the window: a dispatcher that knows nothing against them yet has most to lose.
    for (const webhook of bad) receiver.answer(webhook, kind.answer)
    const window = await measureLoad(stack, receiver, { ...load, seconds: extent.seconds })
    return turnOf(label, window, (webhook) => !isBad(webhook))
  } finally {
    await receiver.reset()
    await own?.close()
    if (!stack.signal.aborted) await stack.unsubscribeAll()
  }
}

async function openOrigins({ receiver }: Bench, crowd: Crowd, webhooks: number): Promise<string[]> {
  const count = crowd.origins === 'one origin' ? 1 : webhooks
  const origins: string[] = []
  while (origins.length < count) origins.push(await receiver.open('http'))
  return origins
}

function labelOf({ origins }: Crowd, kind: Misbehaviour, all: number, bad: number): string {
  const crowd = all.toLocaleString('en')
  return kind === quiet ? `${origins}, ${crowd} quiet` : `${origins}, ${bad} of ${crowd} ${kind.name}`
}

function turnOf(label: string, window: LoadWindow, isHealthy: (webhook: number) => boolean): Turn {
  const latenciesMs = latencyValues(window, isHealthy)
  const lost = latenciesMs.filter((value) => value === Infinity).length
  const values = {
    ...summarize(latenciesMs),
    healthy: latenciesMs.length,
    late: latenciesMs.filter((value) => value > lateMs).length,
  }
  const notes = [
    // What a bad one did not take comes to it again, as it should.
    ...loadNotes(window, isHealthy),
    ...(lost > 0 ? [`${lost} healthy deliveries had not arrived when nothing more came`] : []),
  ]
  return { row: { label, values, notes }, latenciesMs }
}
