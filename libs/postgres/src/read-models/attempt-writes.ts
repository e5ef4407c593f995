import type { Session } from '../database.js'
import { judgedByWebhook } from '../health/judged-attempts.js'
import type { JudgedAttempt } from '../health/streak-record.js'
import { inChunks, mergedByKey } from './by-key.js'
import { column, joined, storableText } from './columns.js'
import { type DeliveryHomes, ends, homeOf } from './home.js'
import type { AttemptRow, AttemptedRow } from './read-model-rows.js'

export interface WrittenAttempts {
  count: number
  /** What they say about the health of each webhook; failures that were known before are not among it. */
  judged: Map<string, JudgedAttempt[]>
}

/** An attempt happened once and never changes: a repeat is dropped. Each is written beside its delivery. */
export async function writeAttempts(
  session: Session,
  rows: AttemptedRow[],
  homes: DeliveryHomes,
): Promise<WrittenAttempts> {
  const attempts = mergedByKey(
    rows.map((row) => atHome(row, homes)),
    keyOf,
    (first) => first,
  )
  const fresh = new Set<string>()
  for (const chunk of inChunks(attempts.values())) {
    for (const { id } of await insert(session, chunk)) fresh.add(id)
  }
  return { count: attempts.size, judged: judgedByWebhook(attempts.values(), ({ id }) => fresh.has(id)) }
}

/** Answers the failures that were not known before; successes would be most of an answer that nobody needs. */
function insert(session: Session, attempts: AttemptRow[]): Promise<{ id: string }[]> {
  return session.query(INSERT, [
    joined(attempts.map((attempt) => attempt.deliveryId)),
    joined(attempts.map((attempt) => attempt.id)),
    joined(attempts.map((attempt) => attempt.acceptedAt)),
    joined(attempts.map((attempt) => attempt.chain)),
    joined(attempts.map((attempt) => attempt.number)),
    joined(attempts.map((attempt) => attempt.trigger)),
    joined(attempts.map((attempt) => attempt.startedAt)),
    joined(attempts.map((attempt) => attempt.durationMs)),
    joined(attempts.map((attempt) => attempt.outcome)),
    joined(attempts.map((attempt) => attempt.reason)),
    joined(attempts.map((attempt) => storableText(attempt.request.url))),
    joined(attempts.map((attempt) => JSON.stringify(attempt.request.headers))),
    joined(attempts.map((attempt) => attempt.response?.status ?? null)),
    // As JSON, in which a NUL is an escape that text can hold.
    joined(attempts.map((attempt) => (attempt.response ? JSON.stringify(attempt.response.headers) : null))),
    joined(attempts.map((attempt) => (attempt.response ? storableText(attempt.response.body) : null))),
  ])
}

/** What is the same wherever an attempt lies. */
const CONTENT = `chain, number, trigger, started_at, duration_ms, outcome, reason, request_url, request_headers,
  response_status, response_headers, response_body`

const INSERT = {
  name: 'insert-attempts',
  text: `
    with fresh as (
    insert into attempts (delivery_id, id, accepted_at, ${CONTENT})
    select delivery_id, id, to_timestamp(accepted_at / 1000), chain, number, trigger, to_timestamp(started_at / 1000),
           duration_ms, outcome, reason, request_url, request_headers, response_status, response_headers,
           -- A column of a single empty text reads as null.
           case when response_status is not null then coalesce(response_body, '') end
    from unnest(${column(1)}, ${column(2)}, ${column(3, 'float8')}, ${column(4, 'integer')}, ${column(5, 'integer')},
                ${column(6)}, ${column(7, 'float8')}, ${column(8, 'integer')}, ${column(9)}, ${column(10)},
                ${column(11)}, ${column(12)}, ${column(13, 'integer')}, ${column(14)}, ${column(15)})
      as attempt (delivery_id, id, accepted_at, ${CONTENT})
    on conflict do nothing
    returning id, outcome)
    select id from fresh where outcome <> 'succeeded'`,
}

/** A delivery that is now written under an earlier acceptance of its event. Ms since the epoch. */
export interface SupersededDelivery {
  id: string
  from: number
  to: number
}

/** Lays the attempts beside their delivery again. One that is there already, as facts that come again may have it, stays. */
export async function moveAttempts(session: Session, superseded: SupersededDelivery[]): Promise<void> {
  const [ids, from, to] = [
    superseded.map(({ id }) => id),
    superseded.map(({ from }) => from),
    superseded.map(({ to }) => to),
  ]
  await session.query(MOVE, [ids, from, to, ...ends(from)])
}

const MOVE = `
  with moved as (
    delete from attempts using unnest($1::text[], $2::float8[], $3::float8[]) as home (delivery_id, left_at, lies_at)
    where attempts.delivery_id = home.delivery_id and attempts.accepted_at = to_timestamp(home.left_at / 1000)
      and attempts.accepted_at between $4 and $5
    returning attempts.*, to_timestamp(home.lies_at / 1000) as lies_at)
  insert into attempts (delivery_id, id, accepted_at, ${CONTENT})
  select delivery_id, id, lies_at, ${CONTENT} from moved
  on conflict do nothing`

function atHome(attempt: AttemptedRow, homes: DeliveryHomes): AttemptedRow {
  const acceptedAt = homeOf(homes, attempt.deliveryId, attempt.acceptedAt)
  return acceptedAt === attempt.acceptedAt ? attempt : { ...attempt, acceptedAt }
}

function keyOf({ deliveryId, id, acceptedAt }: AttemptRow): string {
  return `${deliveryId}/${id}/${acceptedAt}`
}
