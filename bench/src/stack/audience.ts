import { type ContextEventType, contextEventTypes } from '#domain'
import { eventTemplate } from '../load/event-template.js'

/** Webhooks of one account that receive the same type: one event of it becomes one delivery for each of them. */
export interface Group {
  accountId: string
  type: ContextEventType
  /** The receiver's numbers for them, `fanOut` in a row. */
  webhooks: number[]
}

/**
 * Whom a load addresses. An event goes to one group, the groups take turns. Accounts have at most 100 webhooks and there
 * are five types, so that many receivers need several accounts.
 */
export interface Audience {
  groups: readonly Group[]
  fanOut: number
}

export function audienceOf(accounts: readonly { id: string }[], fanOut: number): Audience {
  const pairs = accounts.flatMap(({ id }) => contextEventTypes.map((type) => ({ accountId: id, type })))
  const numbers = (group: number): number[] => Array.from({ length: fanOut }, (_, i) => group * fanOut + i)
  return { groups: pairs.map((pair, i) => ({ ...pair, webhooks: numbers(i) })), fanOut }
}

export function groupOf(audience: Audience, sequence: number): Group {
  return audience.groups[sequence % audience.groups.length]!
}

export function webhookCount(audience: Audience): number {
  return audience.groups.length * audience.fanOut
}

/** The request for the event number `sequence`, whose id is given. */
export function requestsFor(audience: Audience): (sequence: number, id: string) => string {
  const templates = audience.groups.map(({ accountId, type }) => eventTemplate(accountId, type))
  return (sequence, id) => templates[sequence % templates.length]!(id)
}
