import { Database, PartitionStore } from '#postgres'
import { fillWithDeliveries } from '../../../libs/postgres/src/read-models/many-deliveries.testing.js'
import { ApiClient } from '../../../local/src/api-client.js'
import { summarize } from '../measure/latency-summary.js'
import type { Row } from '../report/row.js'
import type { Table } from '../report/table.js'
import { audienceOf } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import type { Bench, Scenario } from './scenario.js'

const deliveries = { full: 1_000_000, quick: 20_000 }
const days = 10
const dayMs = 86_400_000
const times = 50
const pages = { full: 1_000, quick: 20 }

const table: Table = {
  title: 'Answers of the API',
  columns: [
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'max', title: 'max ms', digits: 1 },
  ],
}

export const lists: Scenario = {
  name: 'lists',
  title: 'Lists out of a million deliveries',
  text:
    'A million deliveries over ten days, nine of ten of them one webhook’s, each call 50 times. At the end the ' +
    'partitions of a day, with its deliveries and attempts, are dropped as retention does it.',
  tables: [table],
  run: (bench) =>
    bench.withStack({ accounts: 1, services: ['api'] }, async (stack) => {
      const database = new Database({ url: stack.databaseUrl, applicationName: 'bench', poolSize: 1 })
      try {
        return await measureLists(bench, stack, database)
      } finally {
        await database.close()
      }
    }),
}

async function measureLists({ extent, progress }: Bench, stack: BenchStack, database: Database): Promise<Row[]> {
  const { id: accountId, key } = stack.accounts[0]!
  const api = new ApiClient(stack.apiUrl)
  const get = (path: string) => api.expect('GET', path, key)
  await stack.subscribe(audienceOf([{ id: accountId }], 1), () => 'https://receiver.example')
  const webhookId = idsIn(await get('/v1/webhooks'))[0]!
  const count = extent.quick ? deliveries.quick : deliveries.full
  progress.now(`filling in ${count.toLocaleString('en')} deliveries`)
  const { from } = await fillWithDeliveries(database, count, days, { accountId, webhookId })

  const log = `/v1/webhooks/${webhookId}/deliveries`
  const last = await pageBefore(log, get, extent.quick ? pages.quick : pages.full)
  const [deliveryId] = idsIn(await get(log))
  const [eventId] = idsIn(await get('/v1/events'))
  const day = new Date(from + 3 * dayMs).toISOString()
  const calls: [string, string][] = [
    ['deliveries, first page', log],
    [`deliveries, page ${(extent.quick ? pages.quick : pages.full).toLocaleString('en')} of 100`, last],
    ['deliveries that were delivered', `${log}?status=delivered`],
    ['deliveries that are exhausted, one of 11,003', `${log}?status=exhausted`],
    ['deliveries of a status that none has', `${log}?status=gone`],
    ['deliveries of a rare type, one of 9,973', `${log}?type=context.deleted`],
    ['deliveries of one event', `${log}?event_id=${eventId}`],
    ['deliveries until a day long ago', `${log}?until=${day}`],
    ['one delivery with its attempts', `/v1/deliveries/${deliveryId}`],
    ['events, first page', '/v1/events'],
    ['events of a type that none has', '/v1/events?type=context.published'],
    ['one event with its matches', `/v1/events/${eventId}`],
  ]
  const rows: Row[] = []
  for (const [label, path] of calls) {
    rows.push({ label, values: { ...summarize(await timesOf(() => get(path))) }, notes: [] })
    progress.done(rows.at(-1)!)
  }
  rows.push(await dropDay(database))
  progress.done(rows.at(-1)!)
  return rows
}

/** @returns the path of the page after so many of a hundred each */
async function pageBefore(log: string, get: (path: string) => Promise<object>, page: number): Promise<string> {
  let path = `${log}?limit=100`
  for (let i = 1; i < page; i++) {
    const { next_cursor: cursor } = (await get(path)) as { next_cursor: string }
    path = `${log}?limit=100&cursor=${encodeURIComponent(cursor)}`
  }
  return path
}

async function timesOf(call: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  // The first plans its statements.
  await call()
  while (took.length < times) {
    const begun = performance.now()
    await call()
    took.push(performance.now() - begun)
  }
  return took
}

async function dropDay(database: Database): Promise<Row> {
  const keptMs = (days - 2) * dayMs
  const partitions = new PartitionStore(database, { eventsMs: days * dayMs, deliveriesMs: keptMs })
  const begun = performance.now()
  const dropped = await partitions.dropExpired()
  const took = performance.now() - begun
  if (dropped.length !== 2) throw new Error(`not one day of deliveries and attempts was dropped, but ${dropped.join()}`)
  return { label: 'dropping a day of deliveries and attempts', values: { max: took }, notes: [] }
}

function idsIn(list: object): string[] {
  return (list as { data: { id: string }[] }).data.map(({ id }) => id)
}
