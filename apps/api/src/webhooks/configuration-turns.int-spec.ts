import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest'
import { LOCKS } from '../../../../libs/postgres/src/advisory-locks.js'
import { type Answer, TestApi } from '../http/test-api.testing.js'

let api: TestApi

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
})
afterAll(() => api?.stop())

const WEBHOOK = { name: 'My Webhook', url: 'https://example.com/webhook', events: ['context.created'] }

/** While this runs no replica changes configuration: as behind somebody's slow transaction. */
const whileStandingStill = (work: () => Promise<void>) => api.database.transaction(work, LOCKS.configuration)

const statusesOf = (answers: Answer[]) => new Set(answers.map(({ status }) => status))

it('a hundred changes at once of one account take two connections, and all may read meanwhile', async () => {
  const { body } = await api.ask('POST', '/v1/webhooks', { body: WEBHOOK })
  const path = `/v1/webhooks/${body.id}`
  const changes: [method: string, path: string, body?: object][] = [
    ['PATCH', path, {}],
    ['POST', '/v1/webhooks', WEBHOOK],
    ['POST', `${path}/rotate-secret`, { overlap_seconds: 0 }],
    ['DELETE', `/v1/webhooks/whk_${'0'.repeat(32)}`],
  ]
  const answers: Answer[] = []
  let all: Promise<void[]> | undefined
  await whileStandingStill(async () => {
    all = Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const [method, to, value] = changes[i % changes.length]!
        answers.push(await api.ask(method, to, { body: value }))
      }),
    )
    await vi.waitFor(() => expect(answers).toHaveLength(100 - 52), { timeout: 5_000 })
    for (const refused of answers) {
      expect(refused).toMatchObject({ status: 429, body: { title: 'Too many at once' } })
      expect(refused.headers.get('retry-after')).toBe('1')
    }
    const waiting = await api.database.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    expect(waiting).toHaveLength(2)
    const { account, otherAccount } = api.keys
    for (const key of [account, otherAccount]) expect((await api.ask('GET', '/v1/webhooks', { key })).status).toBe(200)
  })
  await all
  // On a busy machine the two that stood in Postgres may have been there for longer than the log is waited for.
  const done = answers.slice(100 - 52).filter(({ status }) => status !== 503)
  expect(done.length).toBeGreaterThanOrEqual(50)
  expect(statusesOf(done)).toEqual(new Set([200, 201, 404]))
})

it('an honest client that creates many at once has all of them', async () => {
  const key = api.keys.otherAccount
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => api.ask('POST', '/v1/webhooks', { body: WEBHOOK, key })),
  )
  expect(statusesOf(answers)).toEqual(new Set([201]))
})

it('what was refused is counted with all refused requests', async () => {
  await vi.waitFor(async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${api.config.managementPort}/metrics`)).text()
    expect(metrics).toMatch(/webhooks_api_requests_total\{[^}]*status="429"[^}]*\} [1-9]/)
  })
})
