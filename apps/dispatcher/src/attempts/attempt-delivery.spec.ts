import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DeliverableWebhook } from '#domain'
import type { EgressClient, EgressRequest, EgressResult } from '#egress'
import { BrokenSealError, UnknownSealKeyError, createSecret } from '#signing'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { AttemptDelivery } from './attempt-delivery.js'
import { SecretChoice } from './secret-choice.js'
import type { WebhooksToCall } from '../webhooks/webhooks-to-call.js'

/** Each request. */
const TAKES_MS = 20
const OLD = createSecret()
const NEW = createSecret()
const webhook = { id: 'whk_1', url: 'https://example.com/a' } as DeliverableWebhook
const answer = (status: number): EgressResult => ({
  kind: 'answered',
  status,
  headers: {},
  body: Buffer.alloc(0),
  truncated: false,
  durationMs: 1,
  reusedConnection: false,
})

/** Attempts against a receiver that takes one secret, as the guide's snippet does. */
function attemptsWith(secrets: string[], accepts: () => string, timeoutMs = 5_000) {
  const requests: EgressRequest[] = []
  const signedWith = (request: EgressRequest) =>
    secrets.find(
      (secret) =>
        createHmac('sha256', secret).update(request.body).digest('hex') === request.headers['x-webhook-signature'],
    )
  const client = {
    send: (request: EgressRequest) => {
      requests.push(request)
      vi.advanceTimersByTime(TAKES_MS)
      return Promise.resolve(answer(signedWith(request) === accepts() ? 200 : 401))
    },
  }
  const attempt = new AttemptDelivery(
    client as unknown as EgressClient,
    { secretsOf: () => secrets } as unknown as WebhooksToCall,
    timeoutMs,
  )
  const choice = new SecretChoice()
  const run = (onNewConnection = false) => attempt.run(aDelivery(), webhook, choice, onNewConnection)
  return { requests, signedWith, run }
}

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000, toFake: ['Date', 'performance'] }))
afterEach(() => void vi.useRealTimers())

it('keeps a receiver that did not answer away from the connections that wait', async () => {
  const { run, requests } = attemptsWith([OLD], () => OLD)
  await run()
  await run(true)
  expect(requests.map(({ onNewConnection }) => onNewConnection)).toEqual([false, true])
})

it.each([
  { phase: 'connect', isUnreached: true },
  { phase: 'tls', isUnreached: true },
  { phase: 'headers', isUnreached: false },
  { phase: 'body', isUnreached: false },
] as const)('tells whether the receiver had the request: $phase', async ({ phase, isUnreached }) => {
  const failure: EgressResult = { kind: 'failed', reason: 'timeout', phase, detail: '', durationMs: 5_000 }
  const attempt = new AttemptDelivery(
    { send: () => Promise.resolve(failure) } as unknown as EgressClient,
    { secretsOf: () => [OLD] } as unknown as WebhooksToCall,
    5_000,
  )
  expect(await attempt.run(aDelivery(), webhook, new SecretChoice())).toMatchObject({ isUnreached })
})

it('names the event, the delivery and the attempt, and tells when it was signed', async () => {
  const { run, requests } = attemptsWith([OLD], () => OLD)
  const startedAt = Date.now()
  await run()
  const { id, eventId, eventType, attempt, body } = aDelivery()
  expect(requests[0]).toMatchObject({
    url: webhook.url,
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': eventId,
      'webhook-timestamp': String(startedAt / 1_000),
      'x-webhook-event': eventType,
      'x-webhook-delivery': id,
      'x-webhook-attempt': String(attempt),
    },
  })
})

describe('a receiver that switches its secret during the overlap', () => {
  it('misses nothing, whichever moment it switches, and costs a second request once', async () => {
    let accepted = OLD
    const { run, requests, signedWith } = attemptsWith([NEW, OLD], () => accepted)
    expect((await run()).result).toMatchObject({ kind: 'succeeded' })
    expect(requests.map(signedWith)).toEqual([OLD])
    accepted = NEW
    const { result, durationMs } = await run()
    expect([result?.kind, durationMs]).toEqual(['succeeded', 2 * TAKES_MS])
    expect((await run()).result).toMatchObject({ kind: 'succeeded' })
    expect(requests.map(signedWith)).toEqual([OLD, OLD, NEW, NEW])
    const deadlines = requests.map(({ deadlineMs }) => deadlineMs)
    expect(deadlines).toEqual([5_000, 5_000, 5_000 - TAKES_MS, 5_000])
  })

  it('may go back to the old one', async () => {
    let accepted = NEW
    const { run, requests, signedWith } = attemptsWith([NEW, OLD], () => accepted)
    await run()
    accepted = OLD
    expect((await run()).result).toMatchObject({ kind: 'succeeded' })
    expect(requests.map(signedWith)).toEqual([OLD, NEW, NEW, OLD])
  })

  it('gets both Standard Webhooks signatures with every request', async () => {
    const { run, requests } = attemptsWith([NEW, OLD], () => OLD)
    await run()
    expect(requests[0]!.headers['webhook-signature']!.split(' ')).toHaveLength(2)
  })

  it.each([-2_000, 2_000])(
    'is timed by a clock that nobody sets, whatever the other does meanwhile: %i ms',
    async (ms) => {
      const { run, requests } = attemptsWith([NEW, OLD], () => {
        vi.setSystemTime(Date.now() + ms)
        return NEW
      })
      expect(await run()).toMatchObject({ startedAt: 1_000_000, durationMs: 2 * TAKES_MS })
      expect(requests.map(({ deadlineMs }) => deadlineMs)).toEqual([5_000, 5_000 - TAKES_MS])
    },
  )

  it('with too little time left for a second request gets the other secret in the next attempt', async () => {
    const { run, requests, signedWith } = attemptsWith([NEW, OLD], () => NEW, 999)
    expect((await run()).result).toMatchObject({ kind: 'failed', status: 401 })
    expect((await run()).result).toMatchObject({ kind: 'succeeded' })
    expect(requests.map(signedWith)).toEqual([OLD, NEW])
  })
})

it('asks a receiver once that refuses while there is one secret only', async () => {
  const { run, requests } = attemptsWith([NEW], () => OLD)
  expect((await run()).result).toMatchObject({ kind: 'failed', status: 401 })
  expect(requests).toHaveLength(1)
})

it('asks a receiver that takes neither twice, and reports its refusal', async () => {
  const { run, requests } = attemptsWith([NEW, OLD], () => 'whsec_another')
  expect((await run()).result).toMatchObject({ kind: 'failed', status: 401 })
  expect(requests).toHaveLength(2)
})

it('reports the answer as it may be kept: no secrets of headers, and a body that is not cut within a character', async () => {
  const body = Buffer.from('é'.repeat(2_050).replace('é', 'e'))
  const answered = { ...answer(200), headers: { 'set-cookie': 'session=1', server: 'nginx' }, body }
  const client = { send: () => Promise.resolve(answered) } as unknown as EgressClient
  const webhooks = { secretsOf: () => [NEW] } as unknown as WebhooksToCall

  const { request, response } = await new AttemptDelivery(client, webhooks, 5_000).run(
    aDelivery(),
    webhook,
    new SecretChoice(),
  )

  expect(request.headers['x-webhook-signature']).toMatch(/^[0-9a-f]{8}…$/)
  expect(response).toEqual({
    status: 200,
    headers: { 'set-cookie': '[redacted]', server: 'nginx' },
    body: `e${'é'.repeat(2_047)}`,
  })
})

describe('a secret that cannot be opened', () => {
  it.each([new UnknownSealKeyError('k1'), new BrokenSealError('not authentic')])(
    'is a fault of ours, calls nobody and ends nothing: %s',
    async (error) => {
      const client = { send: () => expect.fail('a request was sent unsigned') } as unknown as EgressClient
      const secretsOf = () => {
        throw error
      }
      const webhooks = { secretsOf } as unknown as WebhooksToCall

      const report = await new AttemptDelivery(client, webhooks, 5_000).run(aDelivery(), webhook, new SecretChoice())

      expect(report).toMatchObject({ result: null, ourFault: 'sealed_secret', detail: error.message })
    },
  )
})
