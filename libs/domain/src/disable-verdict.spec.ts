import { describe, expect, it } from 'vitest'
import type { DisableWebhook } from './command.js'
import { type CommandedWebhook, type ObservedHealth, verdictOn } from './disable-verdict.js'

const HOUR = 3_600_000
const RULE = { afterAttempts: 10, afterMs: 6 * HOUR }

function aCommand(change: Partial<DisableWebhook> = {}): DisableWebhook {
  return {
    kind: 'disable_webhook',
    webhookId: 'whk_1',
    accountId: 'acc_1',
    version: 4,
    reason: 'failing',
    at: 10 * HOUR,
    evidence: {
      failures: 12,
      since: 3 * HOUR,
      lastFailureAt: 10 * HOUR,
      lastFailure: 'Your receiver answered 500.',
      lastStatus: 500,
      deliveryId: 'dlv_1',
      eventId: 'evt_1',
    },
    ...change,
  }
}
const aWebhook = (change: Partial<CommandedWebhook> = {}) => ({ version: 4, isActive: true, judgedFrom: 0, ...change })
const failing: ObservedHealth = {
  lastSuccessAt: 2 * HOUR,
  streak: { failures: 12, since: 3 * HOUR, lastFailureAt: 10 * HOUR },
}
const verdict = (
  command: DisableWebhook,
  { webhook = aWebhook(), health = failing }: { webhook?: CommandedWebhook | null; health?: ObservedHealth } = {},
) => verdictOn(command, webhook, health, RULE)

describe('a command to disable a webhook', () => {
  it('is followed when no success is known since its streak began', () => {
    expect(verdict(aCommand())).toBe('disable')
    expect(verdict(aCommand(), { health: { lastSuccessAt: null, streak: null } })).toBe('disable')
    expect(verdict(aCommand(), { health: { ...failing, lastSuccessAt: 3 * HOUR } })).toBe('disable')
  })

  it('is refuted by a success after its streak began', () => {
    const health = { lastSuccessAt: 9 * HOUR, streak: { failures: 1, since: 10 * HOUR, lastFailureAt: 10 * HOUR } }
    expect(verdict(aCommand(), { health })).toBe('refuted')
    expect(verdict(aCommand(), { health: { lastSuccessAt: 9 * HOUR, streak: null } })).toBe('refuted')
  })

  it('is followed when the log by itself meets the rule, whatever overlapped when the streak began', () => {
    const streak = { failures: 12, since: 3 * HOUR + 50, lastFailureAt: 10 * HOUR }
    expect(verdict(aCommand(), { health: { lastSuccessAt: 3 * HOUR + 20, streak } })).toBe('disable')
    const short = { ...streak, failures: 9 }
    expect(verdict(aCommand(), { health: { lastSuccessAt: 3 * HOUR + 20, streak: short } })).toBe('refuted')
  })

  it('is refuted when its evidence is older than the present beginning', () => {
    expect(
      verdict(aCommand(), { webhook: aWebhook({ judgedFrom: 5 * HOUR }), health: { ...failing, streak: null } }),
    ).toBe('refuted')
  })

  it('is outdated when the webhook was changed or deleted meanwhile, whatever its reason', () => {
    for (const reason of ['failing', 'gone'] as const) {
      expect(verdict(aCommand({ reason }), { webhook: aWebhook({ version: 5 }) })).toBe('outdated')
      expect(verdict(aCommand({ reason }), { webhook: null })).toBe('outdated')
    }
  })

  it('needs no count when the receiver said that it is gone', () => {
    const health = { lastSuccessAt: 10 * HOUR, streak: null }
    expect(verdict(aCommand({ reason: 'gone' }), { health })).toBe('disable')
  })

  it('about a version that was never given is answered all the same', () => {
    expect(verdict(aCommand(), { webhook: aWebhook({ version: 2 }) })).toBe('refuted')
    expect(verdict(aCommand(), { webhook: aWebhook({ isActive: false }) })).toBe('refuted')
  })
})
