import { mkdtemp, readFile, readdir } from 'node:fs/promises'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DisableWebhook } from '#domain'
import { removeWithUs } from '../local/src/index.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'
import { readTopics } from './support/topics.js'

const DISABLE_AFTER_MS = 6_000
/** How long the receiver takes that came back. */
const ANSWER_MS = 400

/** For so long nobody else sends a mail that somebody has begun to send. */
const MAIL_LEASE_MS = 60_000

let pipeline: Pipeline
let receiver: Receiver
let mailFolder: string

beforeAll(async () => {
  mailFolder = await mkdtemp(join(tmpdir(), 'webhooks-mail-'))
  removeWithUs(mailFolder)
  ;[pipeline, receiver] = await Promise.all([
    Pipeline.start({
      environment: {
        DISABLE_AFTER: `${DISABLE_AFTER_MS}ms`,
        DISABLE_AFTER_ATTEMPTS: '4',
        MAIL_DIR: mailFolder,
        RETRY_SCHEDULE: '1s,1s,1s,2s,2s',
      },
    }),
    Receiver.start(),
  ])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

interface WebhookView {
  state: string
  is_active: boolean
  disabled_reason: string | null
  failing_since: string | null
}

const webhook = (id: string) => pipeline.owner.expect<WebhookView>('GET', `/v1/webhooks/${id}`)

/** The mails about a webhook, oldest first, by kind. */
async function mailsAbout(webhookId: string): Promise<{ kind: string; text: string }[]> {
  const files = (await readdir(mailFolder)).filter((file) => file.endsWith(`${webhookId}.eml`)).toSorted()
  const read = async (file: string) => ({
    kind: /-(failing|disabled|enabled)-/.exec(file)![1]!,
    // Where lines end is for the eye only.
    text: (await readFile(join(mailFolder, file), 'utf8')).replaceAll('\n', ' '),
  })
  return Promise.all(files.map(read))
}

const kindsOf = async (webhookId: string) => (await mailsAbout(webhookId)).map(({ kind }) => kind)

async function commandsAbout(webhookId: string): Promise<DisableWebhook[]> {
  const records = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}webhook-commands`])
  const commands = records.map(({ value }) => JSON.parse(value!.toString()) as DisableWebhook)
  return commands.filter((command) => command.webhookId === webhookId)
}

async function unmatchedReasons(eventId: string): Promise<unknown[]> {
  const records = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}delivery-log`])
  const facts = records.map(({ value }) => JSON.parse(value!.toString()))
  return facts
    .filter((fact) => fact.kind === 'fanned_out' && fact.eventId === eventId)
    .flatMap((fact) => fact.unmatched)
}

describe('a webhook whose receiver answers 410', () => {
  it('is disabled at once and exactly once, with one mail, and events meanwhile are recorded as unmatched', async () => {
    const { id } = await pipeline.owner.createWebhook(
      receiver.url('/gone', () => 410),
      ['context.created'],
    )
    for (let i = 0; i < 5; i++) await pipeline.publish({ type: 'context.created' })

    await eventually(async () => {
      expect(await webhook(id)).toMatchObject({ state: 'disabled', is_active: false, disabled_reason: 'gone' })
    })
    await eventually(async () => expect(await kindsOf(id)).toEqual(['disabled']))
    const called = receiver.at('/gone').length

    const later = await pipeline.publish({ type: 'context.created' })
    await eventually(async () =>
      expect(await unmatchedReasons(later.id)).toContainEqual({ webhookId: id, reason: 'disabled' }),
    )
    await settled(id)
    expect(receiver.at('/gone')).toHaveLength(called)
    const [mail] = await mailsAbout(id)
    expect(mail!.text).toContain('410 Gone')
    expect(mail!.text).toContain(`/v1/webhooks/${id}`)
    expect(await kindsOf(id)).toEqual(['disabled'])
  })

  it('is disabled also when it was changed while that answer was on its way', async () => {
    let answer: (status: number) => void = () => {}
    const { id } = await pipeline.owner.createWebhook(
      receiver.url('/gone-later', ({ headers }, earlier) => {
        if (headers['x-webhook-event'] === 'context.deleted') return 200
        return earlier.length > 0 ? 410 : new Promise<number>((resolve) => (answer = resolve))
      }),
      ['context.created'],
    )
    await pipeline.publish({ type: 'context.created' })
    await eventually(() => expect(receiver.at('/gone-later')).toHaveLength(1))
    await pipeline.owner.expect('PATCH', `/v1/webhooks/${id}`, { name: 'changed meanwhile' })
    // Its dispatcher knows of a change before the next delivery of it: a test send comes after it.
    await pipeline.owner.expect('POST', `/v1/webhooks/${id}/test`, { type: 'context.deleted' })
    await eventually(() => expect(receiver.at('/gone-later')).toHaveLength(2))
    answer(410)

    await eventually(async () =>
      expect(await webhook(id)).toMatchObject({ state: 'disabled', disabled_reason: 'gone' }),
    )
    await eventually(async () => expect(await kindsOf(id)).toEqual(['disabled']))
  })

  it('comes back by PATCH, with one mail, and its first delivery goes alone', async () => {
    let isBack = false
    const { id } = await pipeline.owner.createWebhook(
      receiver.url('/back', async () => {
        if (!isBack) return 410
        await sleep(ANSWER_MS)
        return 200
      }),
      ['context.published'],
    )
    await pipeline.publish({ type: 'context.published' })
    await eventually(async () => expect(await webhook(id)).toMatchObject({ state: 'disabled' }))
    isBack = true
    const backAt = Date.now()
    expect(await pipeline.owner.expect('PATCH', `/v1/webhooks/${id}`, { is_active: true })).toMatchObject({
      state: 'active',
      is_active: true,
      disabled_reason: null,
      failing_since: null,
    })
    const ids = await Promise.all(Array.from({ length: 8 }, () => pipeline.publish({ type: 'context.published' })))

    await eventually(() => {
      const received = new Set(receiver.at('/back').map(({ eventId }) => eventId))
      for (const each of ids) expect(received).toContain(each.id)
    })
    const since = receiver.at('/back').filter(({ at }) => at >= backAt)
    // The second waits for the answer to the first.
    expect(since[1]!.at - since[0]!.at).toBeGreaterThanOrEqual(ANSWER_MS - 10)
    await eventually(async () => expect(await kindsOf(id)).toEqual(['disabled', 'enabled']))
  })
})

describe('a webhook that fails', () => {
  it('is failing, then warned of, then disabled with its evidence; from its command on nobody calls it', async () => {
    const { id } = await pipeline.owner.createWebhook(
      receiver.url('/fails', () => 503),
      ['context.updated'],
    )
    await pipeline.publish({ type: 'context.updated' })
    const failing = await eventually(async () => {
      const view = await webhook(id)
      expect(view).toMatchObject({ state: 'failing', is_active: true })
      return view
    })
    const first = receiver.at('/fails')[0]!
    expect(Math.abs(Date.parse(failing.failing_since!) - first.at)).toBeLessThan(1_000)
    await eventually(async () => expect(await kindsOf(id)).toEqual(['failing']))
    // The schedule of one delivery is over before its time is up, so another keeps it failing.
    await eventually(() => expect(Date.now() - first.at).toBeGreaterThan(DISABLE_AFTER_MS))
    expect(await webhook(id)).toMatchObject({ state: 'failing' })
    await pipeline.publish({ type: 'context.updated' })

    await eventually(async () => {
      expect(await webhook(id)).toMatchObject({
        state: 'disabled',
        disabled_reason: 'failing',
        failing_since: failing.failing_since,
      })
    })
    await eventually(async () => expect(await kindsOf(id)).toEqual(['failing', 'disabled']))
    const [command] = await commandsAbout(id)
    expect(command).toMatchObject({ reason: 'failing', evidence: { lastStatus: 503 } })
    const [warning, disabled] = await mailsAbout(id)
    expect(disabled!.text).toContain(`${command!.evidence.failures} attempts in a row have failed`)
    expect(disabled!.text).toContain('503')
    expect(warning!.text).toContain('is failing')
    await settled(id)
    expect(receiver.at('/fails').filter(({ at }) => at > command!.at + 50)).toEqual([])
    expect(await commandsAbout(id)).toHaveLength(1)
  })

  it('keeps its streak when the dispatcher is killed', async () => {
    const { id } = await pipeline.owner.createWebhook(
      receiver.url('/survives', () => 500),
      ['context.deleted'],
    )
    await pipeline.publish({ type: 'context.deleted' })
    await eventually(() => expect(receiver.at('/survives').length).toBeGreaterThanOrEqual(2))
    const { failing_since: since } = await eventually(async () => {
      const view = await webhook(id)
      expect(view.state).toBe('failing')
      return view
    })
    const dispatcher = pipeline.service('dispatcher')
    process.kill(dispatcher.pid, 'SIGKILL')
    await dispatcher.ended
    await dispatcher.startAgain()
    const beforeLast = Date.parse(since!) + DISABLE_AFTER_MS
    await eventually(() => expect(Date.now()).toBeGreaterThan(beforeLast))
    await pipeline.publish({ type: 'context.deleted' })

    await eventually(async () => expect(await webhook(id)).toMatchObject({ disabled_reason: 'failing' }))
    const [command] = await commandsAbout(id)
    expect(new Date(command!.evidence.since).toISOString()).toBe(since)
    expect(command!.evidence.failures).toBeGreaterThanOrEqual(4)
  })

  it('and was given a new URL just before is not disabled for the old one', async () => {
    const { id } = await pipeline.owner.createWebhook(
      receiver.url('/wrong', () => 500),
      ['context.unpublished'],
    )
    await pipeline.publish({ type: 'context.unpublished' })
    const first = await eventually(() => {
      const [request] = receiver.at('/wrong')
      expect(request).toBeDefined()
      return request!
    })
    await eventually(() => expect(Date.now() - first.at).toBeGreaterThan(DISABLE_AFTER_MS))
    const url = receiver.url('/corrected')
    expect(await pipeline.owner.expect('PATCH', `/v1/webhooks/${id}`, { url })).toMatchObject({ state: 'active' })
    const { id: eventId } = await pipeline.publish({ type: 'context.unpublished' })

    await eventually(() => expect(receiver.at('/corrected').map((request) => request.eventId)).toContain(eventId))
    await settled(id)
    expect(await webhook(id)).toMatchObject({ state: 'active', failing_since: null })
    expect(await kindsOf(id)).not.toContain('disabled')
  })
})

describe('while the mail server takes a connection and says nothing', () => {
  it('a webhook is disabled all the same, and its owner is told when mail goes again', async () => {
    const connections: Socket[] = []
    const silent = createServer((socket) => connections.push(socket.on('error', () => undefined)))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const ids: string[] = []
    const goneAtOnce = async (path: string) => {
      const url = receiver.url(path, () => 410)
      ids.push((await pipeline.owner.createWebhook(url, ['context.published'])).id)
      await pipeline.publish({ type: 'context.published' })
      await eventually(async () => expect(await webhook(ids.at(-1)!)).toMatchObject({ disabled_reason: 'gone' }))
    }
    try {
      await pipeline.service('api').stop()
      const mail = { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'us@example.com' }
      await pipeline.add('api', 'api', mail)
      await goneAtOnce('/first-while-silent')
      await eventually(() => expect(connections.length).toBeGreaterThan(0))
      await goneAtOnce('/second-while-silent')
      const pending = /^webhooks_notifications_pending\S* 2$/m
      await eventually(async () => expect(await pipeline.metrics('api')).toMatch(pending))
      for (const id of ids) expect(await kindsOf(id)).toEqual([])
    } finally {
      for (const socket of connections) socket.destroy()
      silent.close()
    }
    await pipeline.service('api').stop()
    await pipeline.add('api')
    await eventually(async () => {
      for (const id of ids) expect(await kindsOf(id)).toEqual(['disabled'])
    }, MAIL_LEASE_MS + 30_000)
  })
})

/** A later disabling was followed and told by mail: whatever was to become of this webhook by then has become of it. */
async function settled(webhookId: string): Promise<void> {
  const path = `/marker-${webhookId}`
  const marker = await pipeline.newAccount()
  const { id } = await marker.client.createWebhook(
    receiver.url(path, () => 410),
    ['context.updated'],
  )
  await pipeline.publish({ accountId: marker.id })
  await eventually(async () => expect(await kindsOf(id)).toEqual(['disabled']))
}
