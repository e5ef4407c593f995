import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeWebhookChange } from '#topics'
import { askAdmin } from '../local/src/admin-command.js'
import type { WebhookCreated } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver, isSigned } from './support/receiver.js'
import { readTopics } from './support/topics.js'

const aKey = () => randomBytes(32).toString('base64')
/** More than one batch of the command. */
const WEBHOOKS = 60

const [oldKey, newKey] = [aKey(), aKey()]
let pipeline: Pipeline
let receiver: Receiver
const webhooks: WebhookCreated[] = []

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([
    Pipeline.start({ environment: { SECRETS_KEY: oldKey } }),
    Receiver.start(),
  ])
  for (let i = 0; i < WEBHOOKS; i++) {
    webhooks.push(await pipeline.owner.createWebhook(receiver.url(`/${i}`), ['context.updated']))
  }
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

/** Publishes one event, and waits until every webhook got it, signed with the secret that it was given. */
async function oneEventIsSignedForAll(): Promise<void> {
  const { id } = await pipeline.publish()
  await eventually(() => {
    for (const [i, { secret }] of webhooks.entries()) {
      const request = receiver.at(`/${i}`).find(({ eventId }) => eventId === id)
      expect(request && isSigned(request, secret), `/${i}`).toBe(true)
    }
  })
}

const keys = async () => (await askAdmin(['secrets', 'keys'], pipeline.admin)).data

describe('changing the key that secrets are sealed with', () => {
  it('loses no signature before, during and after, and the old key can go', async () => {
    await oneEventIsSignedForAll()
    expect(await keys()).toEqual([{ id: 'k1', secrets: WEBHOOKS, place: 'newest' }])

    await pipeline.reconfigure({ SECRETS_KEY: `k2:${newKey},k1:${oldKey}` })
    expect(await keys()).toEqual([{ id: 'k1', secrets: WEBHOOKS, place: 'old' }])
    await oneEventIsSignedForAll()

    let isRewrapping = true
    const rewrapping = askAdmin(['secrets', 'rewrap'], pipeline.admin).finally(() => (isRewrapping = false))
    const rotated = webhooks[7]!
    const rotating = pipeline.owner.expect<{ secret: string }>('POST', `/v1/webhooks/${rotated.id}/rotate-secret`, {})
    let events = 0
    for (; isRewrapping || events < 2; events++) await oneEventIsSignedForAll()
    await rotating
    expect(await rewrapping).toMatchObject({ key: 'k2', remaining: {}, unreadable: [], published: true })
    expect(await keys()).toEqual([{ id: 'k2', secrets: WEBHOOKS + 1, place: 'newest' }])
    await oneEventIsSignedForAll()

    await pipeline.reconfigure({ SECRETS_KEY: `k2:${newKey}` })
    await oneEventIsSignedForAll()
  })

  it('has told the workers of every secret under its new seal', async () => {
    const records = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}webhook-changes`])
    const latest = new Map<string, string[]>()
    for (const record of records.toSorted((a, b) => a.offset - b.offset)) {
      const change = decodeWebhookChange(record)
      if (change.kind !== 'changed') throw new Error('nothing was deleted')
      latest.set(
        change.webhook.id,
        change.webhook.secrets.map(({ sealed }) => sealed.split('.')[1]!),
      )
    }
    expect([...latest.keys()].sort()).toEqual(webhooks.map(({ id }) => id).sort())
    expect(new Set([...latest.values()].flat())).toEqual(new Set(['k2']))
  })

  it('is refused where a secret needs a key that is gone, and says which', async () => {
    const environment = { ...pipeline.admin.environment, SECRETS_KEY: `k3:${aKey()}` }
    const rewrap = askAdmin(['secrets', 'rewrap'], { ...pipeline.admin, environment })
    await expect(rewrap).rejects.toThrow('"remaining":{"k2":61}')
    await oneEventIsSignedForAll()
  })
})
