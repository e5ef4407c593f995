import { describe, expect, it } from 'vitest'
import type { ClaimedNotification, NotificationStore, WithheldMails } from '#postgres'
import { Registry } from '#telemetry'
import { type Mail, type Mailer, MailRefused } from './mailer.js'
import { NotificationMetrics } from './notification-metrics.js'
import { NotificationSender } from './notification-sender.js'

const silent = { info() {}, warn() {}, error() {} }

function aNotification(id: string, change: Partial<ClaimedNotification> = {}): ClaimedNotification {
  return {
    id,
    kind: 'disabled',
    accountId: 'acc_1',
    webhookId: `whk_${id}`,
    evidence: { webhook: { name: 'A', url: 'https://example.com/' }, reason: 'gone', streak: null },
    createdAt: new Date(),
    attempts: 1,
    email: 'owner@example.com',
    isLastForNow: false,
    webhookExists: true,
    ...change,
  }
}

/** A sender with an outbox in memory; `fails` says which mails the server refuses. */
function aSender(
  waiting: ClaimedNotification[],
  fails: (mail: Mail) => boolean = () => false,
  error = new Error('the server is away'),
  withheld: WithheldMails[][] = [],
) {
  const done: [id: string, wasSent: boolean][] = []
  const putOff: string[] = []
  const mails: Mail[] = []
  const store: Pick<NotificationStore, 'claim' | 'settle' | 'putOff' | 'pending' | 'takeWithheld'> = {
    claim: async () => waiting.shift(),
    settle: async (id, wasSent) => void done.push([id, wasSent]),
    putOff: async (id) => void putOff.push(id),
    pending: async () => waiting.length + putOff.length,
    takeWithheld: async () => withheld.shift() ?? [],
  }
  const mailer: Pick<Mailer, 'send'> = {
    send: async (mail) => {
      if (fails(mail)) throw error
      mails.push(mail)
      return 'somewhere'
    },
  }
  const registry = new Registry()
  const config = { disable: { afterAttempts: 10, afterMs: 1_000 } }
  const metrics = new NotificationMetrics(registry)
  const warnings: unknown[] = []
  const logger = { ...silent, warn: (fields: object) => void warnings.push(fields) }
  const sender = new NotificationSender(store as NotificationStore, mailer as Mailer, metrics, config, logger)
  const run = async () => {
    sender.onApplicationBootstrap()
    await expect.poll(async () => (await registry.metrics()).includes('notifications_pending')).toBe(true)
    await expect.poll(() => waiting.length === 0 || putOff.length > 0 || done.length > 0).toBe(true)
    await sender.onApplicationShutdown()
    return registry.metrics()
  }
  return { run, done, putOff, mails, sender, registry, warnings }
}

describe('the sender of notifications', () => {
  it('goes on after an address that the server refuses', async () => {
    const dead = aNotification('1', { email: 'dead@example.com' })
    const { run, done, putOff } = aSender(
      [dead, aNotification('2')],
      ({ to }) => to === 'dead@example.com',
      new MailRefused('550 no such user'),
    )
    await run()
    expect([putOff, done]).toEqual([['1'], [['2', true]]])
  })

  it('sends all that waits and calls it sent only then', async () => {
    const { run, done, mails } = aSender([aNotification('1')])
    const metrics = await run()
    expect(mails).toMatchObject([{ to: 'owner@example.com' }])
    expect(done).toEqual([['1', true]])
    expect(metrics).toContain('webhooks_notifications_sent_total{kind="disabled"} 1')
    expect(metrics).toContain('webhooks_notifications_pending 0')
  })

  it('puts off what the server refuses, and shows it', async () => {
    const { run, done, putOff } = aSender([aNotification('1')], () => true)
    const metrics = await run()
    expect(putOff).toEqual(['1'])
    expect(done).toEqual([])
    expect(metrics).toContain('webhooks_notifications_failed_total{next="retry"} 1')
    expect(metrics).toContain('webhooks_notifications_pending 1')
  })

  it('gives up on news of last week that is refused, and not for a server that is away', async () => {
    const old = aNotification('1', { attempts: 90, createdAt: new Date(Date.now() - 7 * 86_400_000) })
    const refused = aSender([old], () => true, new MailRefused('550 no such user'))
    expect(await refused.run()).toContain('webhooks_notifications_failed_total{next="given_up"} 1')
    expect([refused.done, refused.putOff]).toEqual([[['1', false]], []])
    const away = aSender([old], () => true)
    expect(await away.run()).toContain('webhooks_notifications_failed_total{next="retry"} 1')
    expect([away.done, away.putOff]).toEqual([[], ['1']])
  })

  it('counts the mails that are withheld, and warns of each account once', async () => {
    const looks = [
      [{ accountId: 'acc_1', count: 4 }],
      [
        { accountId: 'acc_1', count: 2 },
        { accountId: 'acc_2', count: 1 },
      ],
    ]
    const { sender, registry, warnings } = aSender([], undefined, undefined, looks)
    expect(await registry.metrics()).toContain('webhooks_notifications_withheld_total 0')
    sender.onApplicationBootstrap()
    sender.wake()
    await expect.poll(() => registry.metrics()).toContain('webhooks_notifications_withheld_total 7')
    await sender.onApplicationShutdown()
    expect(warnings).toMatchObject([{ accountId: 'acc_1' }, { accountId: 'acc_2' }])
  })

  it('bothers nobody about a webhook that was deleted', async () => {
    const { run, done, mails } = aSender([aNotification('1', { webhookExists: false })])
    await run()
    expect([done, mails]).toEqual([[['1', false]], []])
  })
})
