import { SAME_EVENT_WITHIN_MS } from '#domain'

/**
 * In an upsert of `redeliveries as known`, SQL: what is known was asked for of another event, whose acceptance under the
 * same id is days away. Where a process of the release before left it without one, it was if it came before the event.
 */
export const IS_OF_ANOTHER_EVENT = `
  case when known.accepted_at is null then known.requested_at < excluded.accepted_at
       else excluded.accepted_at not between known.accepted_at - ${SAME_EVENT_WITHIN_MS} * interval '1 ms'
                                         and known.accepted_at + ${SAME_EVENT_WITHIN_MS} * interval '1 ms' end`
