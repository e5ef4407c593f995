import { describe, expect, it } from 'vitest'
import type { AttemptOutcome, DeliverableWebhook } from '#domain'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { WebhookHealth } from './webhook-health.js'

const HOUR = 3_600_000
const RULE = { afterAttempts: 10, afterMs: 6 * HOUR }
const broken: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }
const aWebhook = (changes: Partial<DeliverableWebhook> = {}): DeliverableWebhook => ({
  id: 'whk_1',
  accountId: 'acc_1',
  version: 4,
  events: ['context.updated'],
  isActive: true,
  createdAt: 0,
  url: 'https://example.com/a',
  secrets: [],
  ...changes,
})
const fail = (health: WebhookHealth, at: number, delivery = aDelivery()) =>
  health.attempted(delivery, aWebhook(), broken, at, RULE, at + 5)

describe('the health of a webhook', () => {
  it('leads to one command, with its evidence, when it failed often and long enough', () => {
    const health = new WebhookHealth(null)
    for (let i = 0; i < 9; i++) expect(fail(health, i * HOUR)).toBeNull()
    expect(fail(health, 9 * HOUR)).toMatchObject({
      kind: 'disable_webhook',
      reason: 'failing',
      version: 4,
      evidence: { failures: 10, since: 0, lastStatus: 500, lastFailure: expect.stringContaining('500') },
    })
    expect(fail(health, 10 * HOUR)).toBeNull()
  })

  it('goes on from the streak that another process had counted', () => {
    const health = new WebhookHealth({ failures: 9, since: 0, lastFailureAt: HOUR })
    expect(fail(health, 6 * HOUR)).not.toBeNull()
  })

  it('takes over what others had counted when it is told late, but not what was before a success', () => {
    const known = { failures: 9, since: 0, lastFailureAt: HOUR }
    const health = new WebhookHealth(null)
    health.attempted(aDelivery(), aWebhook(), { kind: 'succeeded', status: 200 }, 2 * HOUR, RULE, 2 * HOUR)
    health.recall(known)
    expect(health.isFailing).toBe(false)
    health.recall({ ...known, lastFailureAt: 3 * HOUR })
    expect(fail(health, 6 * HOUR)).toMatchObject({ evidence: { failures: 10, since: 0, lastFailureAt: 6 * HOUR } })
  })

  it('leads to a command at once when the receiver says that it is gone', () => {
    const command = new WebhookHealth(null).attempted(
      aDelivery(),
      aWebhook(),
      { kind: 'refused', reason: 'gone', status: 410 },
      1_000,
      RULE,
      1_005,
    )
    expect(command).toMatchObject({ reason: 'gone', evidence: { failures: 1, lastStatus: 410 } })
  })

  it('does not begin with a request that hung since before the last success', () => {
    const health = new WebhookHealth(null)
    health.attempted(aDelivery(), aWebhook(), { kind: 'succeeded', status: 200 }, 2_000, RULE, 2_005)
    health.attempted(aDelivery(), aWebhook(), { kind: 'failed', reason: 'timeout' }, 1_000, RULE, 6_000)
    expect(health.isFailing).toBe(false)
    fail(health, 7_000)
    expect(health.isFailing).toBe(true)
  })

  it('is not touched by test sends', () => {
    const health = new WebhookHealth(null)
    fail(health, 0, aDelivery({ trigger: 'test' }))
    expect(health.isFailing).toBe(false)
  })

  it('waits for an answer until the view knows a newer version', () => {
    const health = new WebhookHealth({ failures: 9, since: 0, lastFailureAt: HOUR })
    fail(health, 7 * HOUR)
    expect(health.unanswered(aWebhook())).not.toBeNull()
    expect(health.unanswered(aWebhook({ version: 5 }))).toBeNull()
  })

  it('begins anew with a new URL and when it is enabled again, not with a new name', () => {
    const before = aWebhook()
    for (const [after, isFailing] of [
      [aWebhook({ version: 5 }), true],
      [aWebhook({ version: 5, url: 'https://example.com/b' }), false],
      [aWebhook({ version: 5, isActive: false }), false],
    ] as const) {
      const health = new WebhookHealth({ failures: 3, since: 0, lastFailureAt: 1 })
      health.changed(before, after)
      expect(health.isFailing).toBe(isFailing)
    }
  })
})
