import { type ReplayCommand, type ReplayState, deliveryIdFor, replayStateAfter } from '#domain'
import type { Database, Session } from '../database.js'
import { inPortions } from '../in-portions.js'
import { homesAround } from '../read-models/home.js'
import { planPage } from './plan-page.js'
import {
  type PlannedDelivery,
  REPLAY_COLUMNS,
  type ReplayPage,
  type ReplayRecord,
  type ReplayRow,
  type SentMark,
  replayRowOf,
} from './replay-row.js'
import { type Counted, type ReplayFilter, beginningOf, countChosen } from './replay-selection.js'

export type NewReplay = Pick<
  ReplayRow,
  | 'id'
  | 'accountId'
  | 'webhookId'
  | 'choice'
  | 'types'
  | 'since'
  | 'until'
  | 'ratePerSecond'
  | 'logEnds'
  | 'matched'
  | 'createdAt'
>

/** How long a replica that says nothing more keeps its replays from the others. Ms. */
const HELD_FOR_MS = 10_000
/** Of one account on one replica: a slow replay keeps its place for days. */
const MOST_OF_AN_ACCOUNT = 2
/** What a replay of a lower rate takes is a part of a place: ten at one a second would else keep all others waiting. */
const RATE_OF_A_PLACE = 50
const LEAST_PLACE = 0.2
const FORGET_AT_ONCE = 1_000
/** Bounds what one account can have looked through at once. */
const MOST_UNFINISHED = 20

/**
 * Replays and how far they are. A replica holds what it runs for some seconds at a time; whatever it writes about a
 * replay that another one holds by now is refused.
 */
export class ReplayStore {
  constructor(private readonly database: Database) {}

  /**
   * How many events are chosen, as far as the read models know. There may be millions to look at, for minutes.
   * @param isStopped asked before each portion: what was counted until then is answered
   */
  count(filter: ReplayFilter, isStopped: () => boolean): Promise<Counted> {
    return countChosen(this.database, filter, isStopped)
  }

  /** @returns whether it was taken: not when the account has 20 unfinished ones, or a few more asked for at once */
  async create(replay: NewReplay): Promise<boolean> {
    const begin = beginningOf(replay)
    const rows = await this.database.query(CREATE, [
      replay.id,
      replay.accountId,
      replay.webhookId,
      replay.choice,
      replay.types,
      new Date(replay.since),
      new Date(replay.until),
      replay.ratePerSecond,
      JSON.stringify(replay.logEnds),
      replay.matched,
      new Date(begin.acceptedAt),
      begin.eventId,
      new Date(replay.createdAt),
    ])
    return rows.length > 0
  }

  /** Null: the account has no such replay. */
  async find(accountId: string, id: string): Promise<ReplayRow | null> {
    const records = await this.database.query<ReplayRecord>(
      `select ${REPLAY_COLUMNS} from replays where id = $1 and account_id = $2`,
      [id, accountId],
    )
    return records[0] ? replayRowOf(records[0]) : null
  }

  /**
   * What a person asks for; what is being sent at this moment is sent all the same.
   * @returns the replay afterwards and whether the command had a meaning; null: the account has no such replay
   */
  command(
    accountId: string,
    id: string,
    command: ReplayCommand,
  ): Promise<{ replay: ReplayRow; isFollowed: boolean } | null> {
    return this.database.transaction(async (session) => {
      const replay = await locked(session, 'id = $1 and account_id = $2', [id, accountId])
      if (!replay) return null
      const state = replayStateAfter(replay.state, command, replay.startedAt !== null)
      if (state === null) return { replay, isFollowed: false }
      const [record] = await session.query<ReplayRecord>(
        `update replays set state = $2, detail = null, ended_at = case when $2 = 'cancelled' then now() end,
                            held_until = case when held_by is not null then held_until end
         where id = $1 returning ${REPLAY_COLUMNS}`,
        [id, state],
      )
      return { replay: replayRowOf(record!), isFollowed: true }
    })
  }

  /**
   * Those that `holder` holds and has something to do for, for some more seconds; free ones are added up to `places`, of
   * which a slow one takes a part, and two of an account, each account's first before anybody's second. Of those, the one
   * that nobody has held for longest.
   */
  async claim(holder: string, places: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(CLAIM, [holder, HELD_FOR_MS, places])
    return rows.map(({ id }) => id)
  }

  /** Null: another replica holds it by now. */
  async held(holder: string, id: string): Promise<ReplayRow | null> {
    const records = await this.database.query<ReplayRecord>(
      { name: 'held-replay', text: `select ${REPLAY_COLUMNS} from replays where id = $2 and held_by = $1` },
      [holder, id],
    )
    return records[0] ? replayRowOf(records[0]) : null
  }

  /** The read models know enough: it is known what there is to send. */
  async started(holder: string, id: string, matched: number): Promise<void> {
    await this.database.query(
      `update replays set state = 'running', started_at = now(), matched = $3
       where id = $2 and held_by = $1 and state = 'waiting'`,
      [holder, id, matched],
    )
  }

  /**
   * Decides what is sent next, at most `limit`, and keeps it until `pageSent`; or ends the replay when nothing is left.
   * Also the chains get their numbers here: a delivery that somebody else asked for meanwhile is left out.
   * @param notBefore events accepted earlier are no longer kept, ms since the epoch
   * @param ahead what of the pages before is still on its way
   */
  plan(
    holder: string,
    id: string,
    limit: number,
    notBefore: number,
    ahead: SentMark[] = [],
  ): Promise<ReplayPage | null> {
    return this.database.transaction(async (session) => {
      const replay = await locked(session, "id = $2 and held_by = $1 and state = 'running' and page is null", [
        holder,
        id,
      ])
      if (!replay) return null
      const page = await planPage(session, replay, limit, notBefore)
      if (page === null) {
        await session.query("update replays set state = 'done', ended_at = now() where id = $1", [id])
        return null
      }
      if (page.deliveries.length > 0) await session.query(KEEP_PAGE, [id, JSON.stringify(page), JSON.stringify(ahead)])
      else await session.query(MOVE_ON, [id, new Date(page.next.acceptedAt), page.next.eventId])
      return page
    })
  }

  /**
   * All of the page is in the log. Where it is not the one that is kept by now, this says nothing new: another replica held
   * the replay meanwhile and has sent it.
   * @param ahead what is on its way with it
   */
  async pageSent(holder: string, id: string, page: ReplayPage, sent: number, ahead: SentMark[]): Promise<void> {
    const { acceptedAt, eventId } = page.next
    const values = [holder, id, sent, new Date(acceptedAt), eventId, JSON.stringify(ahead), JSON.stringify(page)]
    await this.database.query(PAGE_SENT, values)
  }

  /** Gives its place to others, and is not to be held for so long: there is nothing to do for it. */
  async rest(holder: string, id: string, ms: number): Promise<void> {
    await this.database.query(REST, [holder, id, ms])
  }

  /** Whether the read models know an attempt of this chain, or its end; not yet says nothing, they may be behind. */
  async wasStarted(webhookId: string, mark: Omit<SentMark, 'sent'>): Promise<boolean> {
    const values = [deliveryIdFor(mark.eventId, webhookId), mark.chain, ...homesAround([mark])]
    const rows = await this.database.query(WAS_STARTED, values)
    return rows.length > 0
  }

  /** For what no person asked for, with the reason. */
  async halt(holder: string, id: string, state: Extract<ReplayState, 'paused' | 'cancelled'>, detail: string) {
    await this.database.query(
      `update replays set state = $3, detail = $4, ended_at = case when $3 = 'cancelled' then now() end
       where id = $2 and held_by = $1 and state in ('waiting', 'running')`,
      [holder, id, state, detail],
    )
  }

  /** Lets other replicas go on at once with what this one held. */
  async release(holder: string): Promise<void> {
    await this.database.query('update replays set held_by = null, held_until = null where held_by = $1', [holder])
  }

  /** The texts of these events, by `id/acceptance time`; those that are no longer kept are missing. */
  async bodies(
    accountId: string,
    events: readonly Pick<PlannedDelivery, 'eventId' | 'acceptedAt'>[],
  ): Promise<Map<string, string>> {
    const times = events.map(({ acceptedAt }) => acceptedAt)
    const rows = await this.database.query<{ key: string; body: string }>(BODIES, [
      accountId,
      events.map(({ eventId }) => eventId),
      new Date(Math.min(...times)),
      new Date(Math.max(...times)),
    ])
    return new Map(rows.map(({ key, body }) => [key, body]))
  }

  /** In portions. @returns how many were forgotten */
  forgetEnded(olderThanMs: number): Promise<number> {
    return inPortions(this.database, FORGET, [olderThanMs], FORGET_AT_ONCE)
  }
}

async function locked(session: Session, condition: string, values: unknown[]): Promise<ReplayRow | null> {
  const [record] = await session.query<ReplayRecord>(
    `select ${REPLAY_COLUMNS} from replays where ${condition} for update`,
    values,
  )
  return record ? replayRowOf(record) : null
}

const CREATE = `
  insert into replays (id, account_id, webhook_id, choice, types, since, until, rate_per_second, state, log_ends,
                       matched, sent, position_at, position_id, created_at)
  select $1, $2, $3, $4, $5, $6::timestamptz, $7::timestamptz, $8, 'waiting', $9, $10, 0, $11::timestamptz, $12,
         $13::timestamptz
  where (select count(*) from replays
         where account_id = $2 and state in ('waiting', 'running', 'paused')) < ${MOST_UNFINISHED}
  returning 1`

/** Those that were held least recently. By age alone, old ones of slow receivers would rest in turns and let nobody in. */
const LEAST_RECENT = 'held_until nulls first, created_at'

const CLAIM = {
  name: 'claim-replays',
  text: `
    update replays set held_by = $1, held_until = now() + $2::float8 * interval '1 ms'
    where id in (
      select replays.id from replays
      join (
        select id, is_mine,
               sum(place) over (order by is_mine desc, turn, ${LEAST_RECENT} rows unbounded preceding) - place as taken
        from (
          select id, created_at, held_until, held_by is not distinct from $1 as is_mine,
                 least(1, greatest(${LEAST_PLACE}, rate_per_second / ${RATE_OF_A_PLACE}.0)) as place,
                 row_number() over (
                   partition by account_id order by held_by is not distinct from $1 desc, ${LEAST_RECENT}
                 ) as turn
          from replays
          where (state in ('waiting', 'running') or page is not null)
            and (held_by = $1 or held_until is null or held_until < now())
        ) as free
        where turn <= ${MOST_OF_AN_ACCOUNT}
      ) as placed on placed.id = replays.id and (is_mine or taken < $3)
      where held_by = $1 or held_until is null or held_until < now()
      for update of replays skip locked
    ) returning id`,
}

const KEEP_PAGE = 'update replays set page = $2, ahead = $3 where id = $1'
const MOVE_ON = 'update replays set position_at = $2, position_id = $3 where id = $1'

/** A page is kept as text, and is the same text again when it was read from there. */
const PAGE_SENT = {
  name: 'replay-page-sent',
  text: `
    update replays set page = null, sent = sent + $3, position_at = $4, position_id = $5, ahead = $6
    where id = $2 and held_by = $1 and page = $7`,
}

// Not at that very time: an event that was accepted twice lies where it came first.
const WAS_STARTED = {
  name: 'replay-was-started',
  text: `
    select 1 from deliveries
    where id = $1 and accepted_at between $3 and $4 and (chain > $2 or chain = $2 and (chain_end is not null or next_attempt > 1)) limit 1`,
}

const REST = `
  update replays set held_by = null, held_until = now() + $3::float8 * interval '1 ms' where id = $2 and held_by = $1`

const BODIES = {
  name: 'replay-bodies',
  text: `
    select id || '/' || (extract(epoch from accepted_at) * 1000)::bigint as key, body from events
    where id = any($2) and account_id = $1 and accepted_at between $3 and $4`,
}

const FORGET = {
  name: 'forget-replays',
  text: `
    delete from replays where id in (
      select id from replays where ended_at < now() - $1::float8 * interval '1 ms' and page is null
      order by ended_at limit ${FORGET_AT_ONCE}
    ) returning 1`,
}
