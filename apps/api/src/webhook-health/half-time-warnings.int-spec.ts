import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Attempted } from '#domain'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { WarningStore } from '#postgres'
import { TopicMap, encodeFact } from '#topics'
import { Projector } from '../deliveries/projector.js'
import { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { TestApi } from '../http/test-api.testing.js'
import { aWebhook, anAttempt } from './webhook-health.testing.js'

const silent = () => undefined
const noLog = { debug: silent, info: silent, warn: silent, error: silent }

let api: TestApi
let topics: TopicMap
let producer: BatchingProducer
let mailFolder: string
beforeAll(async () => {
  mailFolder = await mkdtemp(join(tmpdir(), 'mail-'))
  const servers = { kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') }
  api = await TestApi.start(servers, { MAIL_DIR: mailFolder, DISABLE_AFTER: '2s' })
  topics = new TopicMap(api.config.topics)
  producer = new BatchingProducer(new KafkaConnection({ ...api.config.kafka, clientId: 'test' }, noLog), {
    idempotent: true,
  })
  await producer.start()
})
afterAll(async () => {
  await producer?.close()
  await api?.stop()
  await rm(mailFolder, { recursive: true, force: true })
})

async function told(webhookId: string, startedAt: number, outcome: Attempted['outcome']): Promise<void> {
  await producer.send([encodeFact(topics.deliveryLog, anAttempt(api, webhookId, startedAt, outcome))])
}

const warned = async () =>
  (await api.database.query<{ id: string }>('select webhook_id as id from notifications')).map(({ id }) => id)

it('warns of no streak that was ended by a success of which only the log knows yet', async () => {
  const store = api.running.app.get(WarningStore)
  const isAnyDue = store.isAnyDue.bind(store)
  let mayLook = false
  store.isAnyDue = async (since) => mayLook && (await isAnyDue(since))
  const progress = api.running.app.get(ReadModelProgress)
  const cameTo = progress.cameTo.bind(progress)
  let waitsInVain = 0
  progress.cameTo = async (...ends) => {
    const hasCome = await cameTo(...ends)
    if (!hasCome) waitsInVain++
    return hasCome
  }
  const [healthy, failing] = [await aWebhook(api), await aWebhook(api)]
  const failure = { kind: 'failed', reason: 'http_status', status: 500 } as const
  // Of both: the second one is warned of in the end, and shows that the first was passed over.
  for (const { id, createdAt } of [healthy, failing]) await told(id, createdAt + 1, failure)
  const streaks = () => api.database.query('select 1 from webhook_health where failing_since is not null')
  await expect.poll(async () => (await streaks()).length, { timeout: 20_000 }).toBe(2)

  await api.running.app.get(Projector).consumer.close()
  await told(healthy.id, healthy.createdAt + 2, { kind: 'succeeded', status: 200 })
  mayLook = true
  await expect.poll(() => waitsInVain, { timeout: 20_000 }).toBeGreaterThan(1)
  expect(await warned()).toEqual([])

  // Its projector takes the partitions over.
  const replica = await api.replica()
  try {
    await expect.poll(warned, { timeout: 30_000 }).toEqual([failing.id])
  } finally {
    await replica.stop()
  }
})
