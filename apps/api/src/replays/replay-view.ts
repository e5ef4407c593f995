import type { Counted, ReplaySummary } from '#postgres'
import type { ReplayAnswer } from './replay-schemas.js'

export const NOTHING_MATCHES =
  'Nothing matches: there is no such event in this time range. Look at `only`, `types`, `since` and `until`.'
const WAITING =
  'It starts when everything that was accepted before it is recorded and a place among the running replays is free.'
const PROBABLY_NOTHING =
  'Nothing matches so far: there is no such event in this time range. It is counted again when the replay starts.'

const AT_LEAST = 'There are at least so many: these were found within the time for an answer.'
const AT_LEAST_SO_FAR = `${AT_LEAST} All are counted when the replay starts.`

const NOT_ALL_RECORDED =
  'What happened in the last moments is not recorded yet, and not counted as it will be: ask again soon.'

/** The sentence for the count of a dry run. */
export function detailOfCount({ count, isAll, isBehind }: Counted & { isBehind: boolean }): { detail?: string } {
  if (!isAll) return { detail: AT_LEAST }
  if (isBehind) return { detail: NOT_ALL_RECORDED }
  return count > 0 ? {} : { detail: NOTHING_MATCHES }
}

/** The sentence for the first count of a replay, which may still find what is not recorded yet. */
export function detailOfReplay({ count, isAll }: Counted): { detail?: string } {
  if (!isAll) return { detail: AT_LEAST_SO_FAR }
  return count > 0 ? {} : { detail: PROBABLY_NOTHING }
}

export function replayView(replay: ReplaySummary): ReplayAnswer {
  const { id, webhookId, state, choice, types, ratePerSecond, matched, sent } = replay
  return {
    id,
    webhook_id: webhookId,
    state,
    detail: detailOf(replay),
    since: iso(replay.since),
    until: iso(replay.until),
    only: choice,
    types,
    rate_per_second: ratePerSecond,
    matched,
    sent,
    created_at: iso(replay.createdAt),
    started_at: replay.startedAt === null ? null : iso(replay.startedAt),
    ended_at: replay.endedAt === null ? null : iso(replay.endedAt),
  }
}

function detailOf({ state, detail, matched, sent }: ReplaySummary): string | null {
  if (detail !== null) return detail
  if (state === 'waiting') return WAITING
  if (state === 'done' && matched === 0 && sent === 0) return NOTHING_MATCHES
  return null
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
