import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaServer, PostgresServer, waitUntil } from '#local'
import { TestApi } from '../http/test-api.testing.js'

let folder: string
let kafka: KafkaServer
let postgres: PostgresServer
let api: TestApi

// Servers of its own: they are stopped here, and nobody else may notice.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webhooks-outages-'))
  kafka = await KafkaServer.start({ dataDir: join(folder, 'kafka') })
  postgres = await PostgresServer.start({ dataDir: join(folder, 'postgres') })
  api = await TestApi.start({ kafkaBrokers: kafka.brokers, databaseUrl: postgres.databaseUrl })
})

afterAll(async () => {
  await api?.stop()
  await Promise.all([kafka?.stop(), postgres?.stop()])
  await rm(folder, { recursive: true, force: true })
})

const postEvent = () =>
  api.ask('POST', '/v1/events', {
    key: api.keys.producer,
    body: {
      account_id: api.keys.accountId,
      type: 'context.updated',
      context: {
        id: '550e8400-e29b-41d4-a716-446655440000',
        name: 'n',
        slug: 's',
        updated_at: '2024-01-15T14:45:00Z',
      },
    },
  })

const WEBHOOK = { name: 'w', url: 'https://example.com/webhook', events: ['context.updated'] }
const createWebhook = () => api.ask('POST', '/v1/webhooks', { body: WEBHOOK })
const namesOfWebhooks = async () => (await api.ask('GET', '/v1/webhooks')).body.data.map((each) => each.name)

const readyStatus = async () => (await fetch(`http://127.0.0.1:${api.config.managementPort}/health/ready`)).status

async function timed<T>(work: Promise<T>): Promise<{ answer: T; ms: number }> {
  const started = performance.now()
  return { answer: await work, ms: performance.now() - started }
}

/** 3 s are promised; the rest is what two busy cores may add to the test itself. */
const PROMISED_MS = 3_000 + 500

describe('while Kafka is away', () => {
  it('answers 503 with Retry-After within 3 s, undoes creations, and takes both again when it is back', async () => {
    const { body: kept } = await createWebhook()
    expect((await postEvent()).status).toBe(202)
    await kafka.stop()

    const path = `/v1/webhooks/${kept.id}`
    const [event, creation, change] = await Promise.all([
      timed(postEvent()),
      timed(createWebhook()),
      timed(api.ask('PATCH', path, { body: { name: 'renamed' } })),
    ])
    for (const { answer, ms } of [event, creation, change]) {
      expect(answer).toMatchObject({ status: 503, body: { title: 'Service Unavailable' } })
      expect(answer.headers.get('retry-after')).toBe('1')
      expect(ms).toBeLessThan(PROMISED_MS)
    }
    expect(change.answer.body.detail).toContain('will be applied')
    expect(await namesOfWebhooks()).toEqual(['renamed'])

    await waitUntil('the service is not ready', async () => (await readyStatus()) === 503, { timeoutMs: 30_000 })
    await kafka.startAgain()
    await waitUntil('events are taken again', async () => (await postEvent()).status === 202, { timeoutMs: 30_000 })
    await waitUntil('webhooks are created again', async () => (await createWebhook()).status === 201, {
      timeoutMs: 30_000,
    })
    await waitUntil('the service is ready', async () => (await readyStatus()) === 200, { timeoutMs: 30_000 })
  }, 120_000)
})

describe('while Postgres is away', () => {
  it('goes on taking events and stays ready, while configuration answers 503, and heals when it is back', async () => {
    await waitUntil('the service is ready', async () => (await readyStatus()) === 200, { timeoutMs: 30_000 })
    await postgres.stop()
    expect((await postEvent()).status).toBe(202)
    const list = await api.ask('GET', '/v1/webhooks')
    expect(list.status).toBe(503)
    expect(list.headers.get('retry-after')).toBe('2')
    expect((await createWebhook()).status).toBe(503)
    // Longer than keys are refreshed after: the last ones are kept.
    const stopped = Date.now()
    const isTakenStill = async () => {
      expect((await postEvent()).status).toBe(202)
      return Date.now() - stopped > 4_000
    }
    await waitUntil('several refreshes of keys have failed', isTakenStill, { timeoutMs: 10_000 })
    expect(await readyStatus()).toBe(200)
    await postgres.startAgain()
    await waitUntil('webhooks are created again', async () => (await createWebhook()).status === 201, {
      timeoutMs: 30_000,
    })
  }, 120_000)
})
