import { describe, expect, it } from 'vitest'
import { notificationMail } from './notification-mail.js'

const HOUR = 3_600_000
const RULE = { afterAttempts: 10, afterMs: 6 * HOUR }
const SINCE = Date.parse('2024-01-15T08:00:00.000Z')

const streak = {
  failures: 12,
  since: SINCE,
  lastFailureAt: SINCE + 3 * HOUR,
  lastFailure: 'Your receiver answered 500; only a 2xx answer counts as delivered.',
}
const told = (change: Partial<Parameters<typeof notificationMail>[0]> = {}) => ({
  id: '7',
  kind: 'disabled' as const,
  webhookId: 'whk_1',
  evidence: { webhook: { name: 'My Webhook', url: 'https://example.com/s3cret?token=x' }, reason: null, streak },
  createdAt: new Date(SINCE + 6 * HOUR),
  email: 'owner@example.com',
  isLastForNow: false,
  ...change,
})
const mail = (...change: Parameters<typeof told>) => {
  const made = notificationMail(told(...change), RULE)
  for (const line of made.text.split('\n')) expect(line.length).toBeLessThanOrEqual(76)
  // Where lines end is for the eye only.
  return { ...made, text: made.text.replaceAll('\n', ' ') }
}
const evidence = (change: object) => ({ ...told().evidence, ...change })

describe('the mail about a webhook', () => {
  it('that is failing names the evidence and the time at which it will be disabled', () => {
    const { subject, text, to } = mail({ kind: 'failing' })
    expect(subject).toBe('Your webhook is failing: My Webhook')
    expect(to).toBe('owner@example.com')
    expect(text).toContain('12 attempts in a row have failed since 2024-01-15 08:00:00 UTC.')
    expect(text).toContain('at 2024-01-15 11:00:00 UTC: Your receiver answered 500')
    expect(text).toContain('will be disabled at 2024-01-15 14:00:00 UTC at the earliest')
    expect(text).toContain(`and ${RULE.afterAttempts} attempts in a row have failed`)
    expect(text).not.toContain('lost')
  })

  it('that was disabled names the reason, the evidence and the way back', () => {
    const { subject, text } = mail({ evidence: evidence({ reason: 'failing' }) })
    expect(subject).toBe('Your webhook was disabled: My Webhook')
    expect(text).toContain('failing for 6h')
    expect(text).toContain('12 attempts in a row')
    expect(text).toContain('curl -X PATCH "$API_URL/v1/webhooks/whk_1"')
    expect(text).toContain(`-d '{"is_active": true}'`)

    const gone = mail({ evidence: evidence({ reason: 'gone', streak: { ...streak, failures: 1 } }) })
    expect(gone.text).toContain('410 Gone')
    expect(gone.text).toContain('1 attempt has failed since')
  })

  it('that is enabled again says why it was not', () => {
    const { subject, text } = mail({ kind: 'enabled', evidence: evidence({ reason: 'gone', streak: null }) })
    expect(subject).toBe('Your webhook is enabled again: My Webhook')
    expect(text).toContain('because your receiver had answered 410 Gone')
  })

  it('that is the last of an hour says so, and where to look instead', () => {
    expect(mail().text).not.toContain('within an hour')
    const { text } = mail({ isLastForNow: true })
    expect(text).toContain('the 20th mail within an hour')
    expect(text).toContain('GET /v1/webhooks shows')
  })

  it('shows of the URL only its host, and of the name one line', () => {
    const webhook = { name: 'a\r\nBcc: x@example.org', url: 'https://example.com/s3cret?token=x' }
    const { subject, text } = mail({ evidence: evidence({ webhook }) })
    expect(text).toContain('sending to example.com')
    expect(text).not.toMatch(/s3cret|token/)
    expect(subject).toBe('Your webhook was disabled: a Bcc: x@example.org')
  })

  it('has the same name each time it is sent', () => {
    expect(mail().name).toBe('2024-01-15T14-00-00-000Z-disabled-whk_1')
  })
})
