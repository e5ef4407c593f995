import type { EventType } from './event-type.js'
import type { SubscribedWebhook } from './webhook.js'

export type UnmatchedReason = 'type_not_subscribed' | 'disabled'

export interface Matches<W extends SubscribedWebhook = SubscribedWebhook> {
  matched: W[]
  /** For the other webhooks of the account, why the event did not go there: the answer to "why did I not get it?" */
  unmatched: { webhook: W; reason: UnmatchedReason }[]
}

/** Decides for each webhook of the event's account whether the event is delivered there. */
export function matchWebhooks<W extends SubscribedWebhook>(type: EventType, webhooks: Iterable<W>): Matches<W> {
  const matches: Matches<W> = { matched: [], unmatched: [] }
  for (const webhook of webhooks) {
    if (!webhook.events.includes(type)) matches.unmatched.push({ webhook, reason: 'type_not_subscribed' })
    else if (!webhook.isActive) matches.unmatched.push({ webhook, reason: 'disabled' })
    else matches.matched.push(webhook)
  }
  return matches
}
