import type { ChainEnd, EventType, Trigger } from '#domain'
import type { DeliveryState } from './delivery-state.js'
import { epochMs } from '../epoch-ms.js'

/** The columns of `deliveries`, in the names and units of `DeliveryState`. */
export const DELIVERY_COLUMNS = `
  id, event_id as "eventId", event_type as "eventType", account_id as "accountId", webhook_id as "webhookId",
  ${epochMs('accepted_at')} as "acceptedAt", chain, trigger,
  chain_end as "chainEnd", ${epochMs('ended_at')} as "endedAt",
  next_attempt as "nextAttempt", ${epochMs('not_before')} as "notBefore",
  attempts_made as "attemptsMade"`

export interface DeliveryRecord {
  id: string
  eventId: string
  eventType: EventType
  accountId: string
  webhookId: string
  acceptedAt: number
  chain: number
  trigger: Trigger
  chainEnd: ChainEnd | null
  endedAt: number | null
  nextAttempt: number
  notBefore: number
  attemptsMade: number
}

export function deliveryStateOf(record: DeliveryRecord): DeliveryState {
  const { chainEnd, endedAt, nextAttempt, notBefore, ...state } = record
  return {
    ...state,
    end: chainEnd === null ? null : { kind: chainEnd, at: endedAt ?? 0 },
    next: { attempt: nextAttempt, notBefore },
  }
}
