import type { EventType, ReplayChoice, ReplayState } from '#domain'
import { epochMs } from '../epoch-ms.js'

/** How far the topics that the read models are made of had come: by topic, the end of each partition that held records. */
export type LogEnds = Record<string, { partition: number; end: number }[]>

/** A place in an account's events, which a replay goes through from the oldest on. */
export interface ReplayPosition {
  acceptedAt: number
  eventId: string
}

/** What is about to be sent, decided once: whoever sends it, however often, sends the same. */
export interface ReplayPage {
  deliveries: PlannedDelivery[]
  /** Where the next page begins. */
  next: ReplayPosition
}

export interface PlannedDelivery {
  eventId: string
  eventType: EventType
  acceptedAt: number
  chain: number
}

/** Sent and, as far as is known, not answered yet: so many deliveries, of which this is the last. */
export interface SentMark extends Pick<PlannedDelivery, 'eventId' | 'acceptedAt' | 'chain'> {
  sent: number
}

/** What people are told of a replay. Times in ms since the epoch. */
export interface ReplaySummary {
  id: string
  accountId: string
  webhookId: string
  choice: ReplayChoice
  types: EventType[]
  /** Events accepted at or after it … */
  since: number
  /** … and before it. */
  until: number
  ratePerSecond: number
  state: ReplayState
  /** Why it is in this state, where that is not plain. */
  detail: string | null
  matched: number
  sent: number
  createdAt: number
  startedAt: number | null
  endedAt: number | null
}

/** With all that a replica needs to go on with it. */
export interface ReplayRow extends ReplaySummary {
  logEnds: LogEnds
  position: ReplayPosition
  /** Set while it is being sent; also a paused or cancelled replay finishes it. */
  page: ReplayPage | null
  /** Oldest first. */
  ahead: SentMark[]
}

export const SUMMARY_COLUMNS = `
  id, account_id as "accountId", webhook_id as "webhookId", choice, types,
  ${epochMs('since')} as since, ${epochMs('until')} as until, rate_per_second as "ratePerSecond", state, detail,
  matched, sent,
  ${epochMs('created_at')} as "createdAt", ${epochMs('started_at')} as "startedAt", ${epochMs('ended_at')} as "endedAt"`

export const REPLAY_COLUMNS = `${SUMMARY_COLUMNS},
  log_ends as "logEnds", ${epochMs('position_at')} as "positionAt", position_id as "positionId", page, ahead`

export interface ReplayRecord extends Omit<ReplayRow, 'logEnds' | 'position' | 'page' | 'ahead'> {
  logEnds: string
  positionAt: number
  positionId: string
  page: string | null
  ahead: string
}

export function replayRowOf(record: ReplayRecord): ReplayRow {
  const { logEnds, positionAt, positionId, page, ahead, ...row } = record
  return {
    ...row,
    logEnds: JSON.parse(logEnds) as LogEnds,
    position: { acceptedAt: positionAt, eventId: positionId },
    page: page === null ? null : (JSON.parse(page) as ReplayPage),
    ahead: JSON.parse(ahead) as SentMark[],
  }
}
