import type { EventType } from './event-type.js'
import type { SubscribedWebhook } from './webhook.js'

/** `about_itself`: no webhook is told of what became of itself; a failing one would only fail more. */
export type UnmatchedReason = 'type_not_subscribed' | 'disabled' | 'about_itself'

export interface Matches<W extends SubscribedWebhook = SubscribedWebhook> {
  matched: W[]
  /** For the other webhooks of the account, why the event did not go there: the answer to "why did I not get it?" */
  unmatched: { webhook: W; reason: UnmatchedReason }[]
}

/**
 * Decides for each webhook of the event's account whether the event is delivered there.
 * @param aboutWebhookId the webhook that an operational event is about
 */
export function matchWebhooks<W extends SubscribedWebhook>(
  type: EventType,
  webhooks: Iterable<W>,
  aboutWebhookId?: string,
): Matches<W> {
  const matches: Matches<W> = { matched: [], unmatched: [] }
  for (const webhook of webhooks) {
    if (!webhook.events.includes(type)) matches.unmatched.push({ webhook, reason: 'type_not_subscribed' })
    else if (webhook.id === aboutWebhookId) matches.unmatched.push({ webhook, reason: 'about_itself' })
    else if (!webhook.isActive) matches.unmatched.push({ webhook, reason: 'disabled' })
    else matches.matched.push(webhook)
  }
  return matches
}
