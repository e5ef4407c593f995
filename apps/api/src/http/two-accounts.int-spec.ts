import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { deliveryIdFor, newId } from '#domain'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { TopicMap, encodeFact } from '#topics'
import { aDeliveryRef, anAttempted } from '../../../../libs/domain/src/builders.testing.js'
import { ACCOUNT_SCOPES, PRODUCER_SCOPE, type Scope } from '../accounts/scopes.js'
import { type Answer, TestApi } from './test-api.testing.js'

interface Case {
  /** The scope it needs; null where any valid key will do. */
  scope: Scope | null
  /** Of what `{id}` is the id. */
  of?: 'webhook' | 'delivery' | 'event' | 'replay'
  body?: object | (() => object)
}

const since = new Date(Date.now() - 3_600_000).toISOString()

/** One for every operation of the OpenAPI document: what a stranger may not do is shown for each. */
const CASES: Record<string, Case> = {
  postEvent: { scope: 'events:write', body: () => anEvent(newId('evt')) },
  postEventBatch: { scope: 'events:write', body: () => ({ events: [anEvent(newId('evt'))] }) },
  listEventTypes: { scope: null },
  getMe: { scope: null },
  createWebhook: { scope: 'webhooks:write', body: () => WEBHOOK },
  listWebhooks: { scope: 'webhooks:read' },
  getWebhook: { scope: 'webhooks:read', of: 'webhook' },
  updateWebhook: { scope: 'webhooks:write', of: 'webhook', body: { name: 'changed' } },
  deleteWebhook: { scope: 'webhooks:write', of: 'webhook' },
  rotateSecret: { scope: 'webhooks:write', of: 'webhook', body: { overlap_seconds: 0 } },
  testWebhook: { scope: 'deliveries:write', of: 'webhook', body: {} },
  listDeliveries: { scope: 'deliveries:read', of: 'webhook' },
  getDelivery: { scope: 'deliveries:read', of: 'delivery' },
  redeliver: { scope: 'deliveries:write', of: 'delivery' },
  listEvents: { scope: 'deliveries:read' },
  getEvent: { scope: 'deliveries:read', of: 'event' },
  createReplay: { scope: 'deliveries:write', of: 'webhook', body: { since, only: 'all', dry_run: true } },
  listReplays: { scope: 'deliveries:read' },
  getReplay: { scope: 'deliveries:read', of: 'replay' },
  pauseReplay: { scope: 'deliveries:write', of: 'replay' },
  resumeReplay: { scope: 'deliveries:write', of: 'replay' },
  cancelReplay: { scope: 'deliveries:write', of: 'replay' },
}

const WEBHOOK = { name: 'n', url: 'https://example.com/hook', events: ['context.updated'] }
const ALL_SCOPES: Scope[] = [...ACCOUNT_SCOPES, PRODUCER_SCOPE]

let api: TestApi
/** What the account owns, by its kind. */
let owned: Record<NonNullable<Case['of']>, string>
/** A key with this scope alone. */
const keyWith = new Map<Scope, string>()

const anEvent = (id: string) => ({
  id,
  account_id: api.keys.accountId,
  type: 'context.updated',
  context: { id: '550e8400-e29b-41d4-a716-446655440000', name: 'n', slug: 's', updated_at: since },
})

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
  for (const scope of ALL_SCOPES) {
    const accountId = scope === PRODUCER_SCOPE ? null : api.keys.accountId
    keyWith.set(scope, (await api.createKey(accountId, [scope])).key)
  }
  owned = await somethingOfEachKind()
})
afterAll(() => api?.stop())

async function somethingOfEachKind(): Promise<typeof owned> {
  const webhook = (await api.ask('POST', '/v1/webhooks', { body: WEBHOOK })).body.id
  const event = newId('evt')
  const posted = await api.ask('POST', '/v1/events', { body: anEvent(event), key: api.keys.producer })
  expect(posted.status).toBe(202)
  const delivery = deliveryIdFor(event, webhook)
  await tellOfAttempt(event, webhook, delivery)
  await vi.waitFor(
    async () => {
      expect((await api.ask('GET', `/v1/events/${event}`)).status).toBe(200)
      expect((await api.ask('GET', `/v1/deliveries/${delivery}`)).status).toBe(200)
    },
    { timeout: 30_000, interval: 50 },
  )
  const replay = await api.ask('POST', `/v1/webhooks/${webhook}/replays`, { body: { since, only: 'all' } })
  expect(replay.status).toBe(202)
  return { webhook, event, delivery, replay: replay.body.id }
}

/** No dispatcher runs here: the test tells what one would have. */
async function tellOfAttempt(eventId: string, webhookId: string, deliveryId: string): Promise<void> {
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const kafka = new KafkaConnection({ ...api.config.kafka, clientId: 'test' }, log)
  const producer = new BatchingProducer(kafka, { idempotent: true })
  await producer.start()
  const { accountId } = api.keys
  const delivery = aDeliveryRef({ accountId, eventId, eventType: 'context.updated', webhookId, deliveryId })
  const { deliveryLog } = new TopicMap(api.config.topics)
  await producer.send([
    encodeFact(
      deliveryLog,
      anAttempted({ delivery: { ...delivery, acceptedAt: Date.now() }, attemptId: newId('atm') }),
    ),
  ])
  await producer.close()
}

const operations = () =>
  Object.entries(api.schemas.document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      id: operation.operationId!,
      method: method.toUpperCase(),
      path,
      case: CASES[operation.operationId!]!,
    })),
  )
type OperationCase = ReturnType<typeof operations>[number]

function ask(operation: OperationCase, key: string | null, id?: string): Promise<Answer> {
  const { body, of } = operation.case
  const path = operation.path.replace('{id}', id ?? (of ? owned[of] : ''))
  return api.ask(operation.method, path, { key, ...(body && { body: typeof body === 'function' ? body() : body }) })
}

/** An id as good as any, of nobody. */
function idOfNobody(like: string): string {
  return (
    like.slice(0, 4) +
    newId('evt')
      .slice(4)
      .padEnd(like.length - 4, '0')
      .slice(0, like.length - 4)
  )
}

/** What an answer says but for where it was asked and by which trace. */
function said({ status, text, headers }: Answer): object {
  const body = text.replace(/"instance":"[^"]*"/, '"instance":""').replace(/"trace_id":"[^"]*"/, '"trace_id":""')
  const names = [...headers.keys()].filter((name) => name !== 'date' && name !== 'ratelimit')
  return { status, body, names, contentType: headers.get('content-type') }
}

describe('every route of the OpenAPI document', () => {
  it('has a case here, and every route that the API serves is in the document', () => {
    expect(
      operations()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(Object.keys(CASES).sort())
    const instance = api.running.app.getHttpAdapter().getInstance() as FastifyInstance
    for (const { method, path } of operations()) {
      expect(instance.hasRoute({ method: method as 'GET', url: path.replace('{id}', ':id') })).toBe(true)
    }
    const described = new Set(operations().map(({ path }) => path.replace('{id}', ':id')))
    const served = routesIn(instance.printRoutes({ commonPrefix: false })).filter((route) => route.startsWith('/v1'))
    expect(new Set(served)).toEqual(described)
  })

  it('answers 401 to nobody, and to a key that was never given out', async () => {
    for (const operation of operations()) {
      expect([operation.id, (await ask(operation, null)).status]).toEqual([operation.id, 401])
      const unknown = await ask(operation, 'cfk_0123456789ABCDEFGHIJabcdefghij4Us3aw')
      expect([operation.id, unknown.status]).toEqual([operation.id, 401])
    }
  })

  it('answers 403 to each key that has any scope but the one it needs, and names that one', async () => {
    for (const operation of operations()) {
      const { scope } = operation.case
      for (const [has, key] of keyWith) {
        if (scope === null || has === scope) continue
        const answer = await ask(operation, key)
        expect([operation.id, has, answer.status]).toEqual([operation.id, has, 403])
        expect(answer.body.detail).toContain(scope)
      }
    }
  })

  it('answers another account’s id as it answers any, word for word, and does nothing', async () => {
    for (const operation of operations()) {
      const { of } = operation.case
      if (!of) continue
      const theirs = await ask(operation, api.keys.otherAccount)
      const nobodys = await ask(operation, api.keys.otherAccount, idOfNobody(owned[of]))
      expect([operation.id, theirs.status]).toEqual([operation.id, 404])
      expect(said(theirs)).toEqual(said(nobodys))
    }
    const webhook = await api.ask('GET', `/v1/webhooks/${owned.webhook}`)
    expect(webhook).toMatchObject({ status: 200, body: { name: WEBHOOK.name } })
  })

  it('takes about as long to say so', async () => {
    for (const operation of operations()) {
      const { of } = operation.case
      if (!of) continue
      const [theirs, nobodys]: [number[], number[]] = [[], []]
      // In turns, so that a busy moment meets both.
      for (let i = 0; i < 20; i++) {
        theirs.push(await msOf(() => ask(operation, api.keys.otherAccount)))
        nobodys.push(await msOf(() => ask(operation, api.keys.otherAccount, idOfNobody(owned[of]))))
      }
      const difference = Math.abs(median(theirs) - median(nobodys))
      expect(difference, operation.id).toBeLessThan(3 + median(nobodys))
    }
  })

  it('does not list what is another account’s', async () => {
    for (const operation of operations().filter(({ id }) => ['listWebhooks', 'listEvents'].includes(id))) {
      expect((await ask(operation, api.keys.account)).body.data.length).toBeGreaterThan(0)
      expect((await ask(operation, api.keys.otherAccount)).body.data).toEqual([])
    }
  })

  // Last, since it deletes and cancels: what was refused above is there, and its owner may have it.
  it('lets in the key that has its scope and no other', async () => {
    const last = (id: string) => (id === 'deleteWebhook' ? 1 : 0)
    for (const operation of operations().sort((a, b) => last(a.id) - last(b.id))) {
      const { scope } = operation.case
      for (const key of scope === null ? keyWith.values() : [keyWith.get(scope)!]) {
        const { status } = await ask(operation, key)
        // 409: a replay that is over cannot be paused.
        expect([operation.id, status < 300 || status === 409]).toEqual([operation.id, true])
      }
    }
  })
})

async function msOf(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await action()
  return performance.now() - startedAt
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}

/** The paths in Fastify's tree of routes, whose lines are indented by four characters per level. */
function routesIn(tree: string): string[] {
  const parents: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent, part, methods] = /^([│ ]*)[├└]── (\S*)(?: \((.+)\))?$/.exec(line) ?? []
    if (indent === undefined || part === undefined) return []
    const depth = indent.length / 4
    parents.length = depth
    parents.push(part)
    return methods === undefined ? [] : [parents.join('').replace(/(.)\/$/, '$1')]
  })
}
