import { type DisableRule, formatDuration } from '#domain'
import {
  type ClaimedNotification,
  MOST_MAILS_PER_HOUR,
  type NotificationEvidence,
  type NotifiedStreak,
} from '#postgres'
import type { Mail } from './mailer.js'

type Told = Pick<ClaimedNotification, 'id' | 'kind' | 'webhookId' | 'evidence' | 'createdAt' | 'email' | 'isLastForNow'>

/** The mail that tells a webhook's owner what happened, what it rests on, and what they can do. */
export function notificationMail(notification: Told, rule: DisableRule): Mail {
  const { kind, webhookId, evidence, createdAt, email, isLastForNow } = notification
  const paragraphs = { failing, disabled, enabled }[kind](webhookId, evidence, rule)
  const name = oneLine(evidence.webhook.name)
  const subject = {
    failing: `Your webhook is failing: ${name}`,
    disabled: `Your webhook was disabled: ${name}`,
    enabled: `Your webhook is enabled again: ${name}`,
  }[kind]
  const aboutWhich = `Webhook: ${name} (${webhookId}), sending to ${hostOf(evidence.webhook.url)}`
  const at = createdAt.toISOString().replace(/[:.]/g, '-')
  return {
    to: email,
    subject,
    text: `${[...paragraphs, aboutWhich, ...(isLastForNow ? [LAST_FOR_NOW] : [])].map(wrapped).join('\n\n')}\n`,
    name: `${at}-${kind}-${webhookId}`,
  }
}

const LAST_FOR_NOW =
  `This is the ${MOST_MAILS_PER_HOUR}th mail within an hour, and we send no more than that. More may have become of ` +
  'your webhooks: GET /v1/webhooks shows the state of each.'

function failing(_: string, { streak }: NotificationEvidence, rule: DisableRule): string[] {
  const disableAt = streak ? ` at ${timeOf(streak.since + rule.afterMs)} at the earliest` : ''
  return [
    'Your webhook has not accepted a single delivery for a while.',
    evidenceOf(streak),
    'Deliveries are being retried, and those that are given up after their last retry can be replayed. If it goes on ' +
      `like this, the webhook will be disabled${disableAt}, when it has been failing for ` +
      `${formatDuration(rule.afterMs)} and ${rule.afterAttempts} attempts in a row have failed. One delivery that your ` +
      'receiver answers with a 2xx status is enough to prevent that.',
    'What usually helps: look at the answers that your receiver gave, in the log of deliveries, and check ' +
      'its URL, its certificate and that it answers within 5 seconds.',
  ]
}

function disabled(webhookId: string, { reason, streak }: NotificationEvidence, rule: DisableRule): string[] {
  const why =
    reason === 'gone'
      ? 'Your receiver answered a delivery with 410 Gone, which asks us to stop. So we disabled the webhook.'
      : `Your webhook has been failing for ${formatDuration(rule.afterMs)} or longer, without one success. So we ` +
        'disabled it.'
  return [
    why,
    evidenceOf(streak),
    'Nothing is sent to it any more. Events that happen meanwhile are recorded, and can be replayed once it is back.',
    'When your receiver works again, enable the webhook:',
    enableCommand(webhookId),
  ]
}

function enabled(_: string, { reason }: NotificationEvidence): string[] {
  const since = reason === 'gone' ? 'your receiver had answered 410 Gone' : 'it had been failing for too long'
  return [
    `Your webhook is enabled again. It was disabled because ${since}.`,
    'New events are delivered from now on. Events that happened meanwhile were not sent; they can be replayed.',
    'If it was not you who enabled it, look through the API keys of your account.',
  ]
}

function evidenceOf(streak: NotifiedStreak | null): string {
  if (!streak) return 'The reason is in the log of its deliveries.'
  const { failures, since, lastFailureAt, lastFailure } = streak
  const count = failures === 1 ? '1 attempt has failed' : `${failures} attempts in a row have failed`
  return `${count} since ${timeOf(since)}. The last one, at ${timeOf(lastFailureAt)}: ${lastFailure}`
}

function enableCommand(webhookId: string): string {
  return [
    `  curl -X PATCH "$API_URL/v1/webhooks/${webhookId}" \\`,
    '    -H "Authorization: Bearer $API_KEY" \\',
    '    -H "Content-Type: application/json" \\',
    `    -d '{"is_active": true}'`,
  ].join('\n')
}

function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** A path or a query may be a secret, and mail is not the place for one. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'its URL'
}

/** Plain mail is read as it is written: in lines of this length, words whole, and what is indented left alone. */
const LINE_LENGTH = 76

function wrapped(paragraph: string): string {
  if (paragraph.startsWith(' ')) return paragraph
  const lines: string[] = []
  for (const word of paragraph.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + word.length < LINE_LENGTH) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines.join('\n')
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
}
