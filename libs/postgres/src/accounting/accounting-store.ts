import { type Patience } from '#domain'
import { LOCKS } from '../advisory-locks.js'
import type { Database, Session } from '../database.js'
import { type FanOutWatch, lookAtFanOut } from './fan-out-watch.js'

/** Ages by which waiting deliveries are told apart, seconds; the last group is older than all of these. */
export const AGE_LIMITS_S = [60, 600, 3_600, 21_600, 86_400]

/** Where the balance stands. Times in ms since the epoch. */
export interface Accounts {
  /** What was in the log by then is in these figures. */
  asOf: number
  /** Deliveries without an end by age of their event: one more group than there are limits. */
  waiting: number[]
  /** Deliveries past their deadline without an end: a defect of ours. */
  overdue: number
  /** Events that were accepted a while ago and that fan-out has not told of: a defect of ours. */
  notFannedOut: number
}

/** What is kept between two looks, beside the figures. */
interface Kept {
  accounts: Accounts
  watch: FanOutWatch
}

/** The balance of what was promised and what was done: looked at by one replica at a time, known to all. */
export class AccountingStore {
  constructor(
    private readonly database: Database,
    private readonly patience: Patience,
  ) {}

  /** The figures of the last look, whoever looked; undefined before the first. */
  async latest(): Promise<Accounts | undefined> {
    return (await read(this.database))?.accounts
  }

  /**
   * Looks once more. The caller has made sure that all that was in the log at `asOf` has become rows; what is younger
   * is no loss yet.
   *
   * @param isStopped asked now and then: the next look goes on
   * @returns undefined where another replica is looking at this moment
   */
  look(asOf: number, isStopped?: () => boolean): Promise<Accounts | undefined> {
    return this.database.transaction(async (session) => {
      const [turn] = await session.query<{ taken: boolean }>('select pg_try_advisory_xact_lock($1) as taken', [
        LOCKS.accounting,
      ])
      if (!turn!.taken) return undefined
      const watch = await lookAtFanOut(session, (await read(session))?.watch, asOf, isStopped)
      const accounts = {
        asOf,
        waiting: await waiting(session, asOf),
        overdue: await overdue(session, asOf, this.patience),
        notFannedOut: watch.missing.length,
      }
      await session.query(KEEP, [new Date(asOf), JSON.stringify({ accounts, watch } satisfies Kept)])
      return accounts
    })
  }
}

async function read(session: Session): Promise<Kept | undefined> {
  const [row] = await session.query<{ figures: string }>('select figures from accounting')
  return row && (JSON.parse(row.figures) as Kept)
}

const KEEP = `
  insert into accounting (looked_at, figures) values ($1, $2)
  on conflict (only_row) do update set looked_at = excluded.looked_at, figures = excluded.figures`

async function waiting(session: Session, asOf: number): Promise<number[]> {
  const groups = await session.query<{ group: number; count: number }>(
    `select width_bucket(extract(epoch from $1::timestamptz - accepted_at), $2::float8[]) as group, count(*)::int as count
     from deliveries where chain_end is null group by 1`,
    [new Date(asOf), AGE_LIMITS_S],
  )
  const counts = new Map(groups.map(({ group, count }) => [group, count]))
  return Array.from({ length: AGE_LIMITS_S.length + 1 }, (_, group) => counts.get(group) ?? 0)
}

/** `deadlineOf` in SQL, turned around: what waits for a time before this is overdue. Few rows of an index by that time. */
async function overdue(session: Session, asOf: number, { usualMs, replayMs }: Patience): Promise<number> {
  const [row] = await session.query<{ count: number }>(
    `select count(*)::int as count from deliveries
     where chain_end is null and not_before < $1 and (trigger <> 'replay' or not_before < $2)`,
    [new Date(asOf - usualMs), new Date(asOf - replayMs)],
  )
  return row!.count
}
