import { eventIdForIdempotencyKey, newId } from '#domain'
import { Problem } from '../http/problem.js'
import type { EventRequest } from './event-schemas.js'

/** Visible ASCII, as a header can carry it. */
export const IDEMPOTENCY_KEY = /^[!-~]{1,255}$/

/**
 * The id of an event: its producer's own, or the one that the account and `Idempotency-Key` always give, or a new one.
 * @throws {Problem} 422 when both are given and differ, or the key is none
 */
export function eventIdOf(request: EventRequest, idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return request.id ?? newId('evt')
  if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
    throw new Problem(422, 'Invalid Idempotency-Key', 'Idempotency-Key must have 1 to 255 visible ASCII characters.')
  }
  const derived = eventIdForIdempotencyKey(request.account_id, idempotencyKey)
  if (request.id !== undefined && request.id !== derived) {
    const detail = 'is not the id that this Idempotency-Key stands for: give one of the two'
    throw new Problem(422, 'Two event ids', `The body's id ${detail}.`, { errors: [{ pointer: '/id', detail }] })
  }
  return derived
}
