/** What a producer may post and every webhook may subscribe to, with the guide's own descriptions. */
export const CONTEXT_EVENT_TYPES = {
  'context.created': 'Triggered when a new context file is created',
  'context.updated': 'Triggered when a context file is updated',
  'context.deleted': 'Triggered when a context file is deleted',
  'context.published': 'Triggered when a context file is made public',
  'context.unpublished': 'Triggered when a context file is made private',
} as const

/** Opt-in events about an account's other webhooks; only we make them. */
export const OPERATIONAL_EVENT_TYPES = {
  'webhook.failing': 'Triggered when another webhook of the account has been failing for half of the time allowed',
  'webhook.disabled': 'Triggered when another webhook of the account is disabled',
  'webhook.enabled': 'Triggered when another webhook of the account is enabled again',
} as const

export type ContextEventType = keyof typeof CONTEXT_EVENT_TYPES
export type OperationalEventType = keyof typeof OPERATIONAL_EVENT_TYPES
export type EventType = ContextEventType | OperationalEventType

export const contextEventTypes = Object.keys(CONTEXT_EVENT_TYPES) as ContextEventType[]
export const operationalEventTypes = Object.keys(OPERATIONAL_EVENT_TYPES) as OperationalEventType[]
export const eventTypes: EventType[] = [...contextEventTypes, ...operationalEventTypes]

/** Whether it is about a webhook; every other event is about a context. */
export function isOperational(type: EventType): type is OperationalEventType {
  return Object.hasOwn(OPERATIONAL_EVENT_TYPES, type)
}

export function isEventType(text: string): text is EventType {
  // `in` would find `constructor` too.
  return Object.hasOwn(CONTEXT_EVENT_TYPES, text) || Object.hasOwn(OPERATIONAL_EVENT_TYPES, text)
}
