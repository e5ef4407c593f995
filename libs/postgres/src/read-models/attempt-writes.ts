import type { Session } from '../database.js'
import { inChunks, mergedByKey } from './by-key.js'
import type { AttemptRow } from './read-model-rows.js'
import { storableText } from './storable-text.js'

/** An attempt happened once and never changes: a repeat is dropped. Answers the number of attempts. */
export async function writeAttempts(session: Session, rows: AttemptRow[]): Promise<number> {
  const attempts = mergedByKey(rows, keyOf, (first) => first)
  for (const chunk of inChunks(attempts.values())) await insert(session, chunk)
  return attempts.size
}

async function insert(session: Session, attempts: AttemptRow[]): Promise<void> {
  await session.query(INSERT, [
    attempts.map((attempt) => attempt.deliveryId),
    attempts.map((attempt) => attempt.id),
    attempts.map((attempt) => attempt.acceptedAt),
    attempts.map((attempt) => attempt.chain),
    attempts.map((attempt) => attempt.number),
    attempts.map((attempt) => attempt.trigger),
    attempts.map((attempt) => attempt.startedAt),
    attempts.map((attempt) => attempt.durationMs),
    attempts.map((attempt) => attempt.outcome),
    attempts.map((attempt) => attempt.reason),
    attempts.map((attempt) => storableText(attempt.request.url)),
    attempts.map((attempt) => JSON.stringify(attempt.request.headers)),
    attempts.map((attempt) => attempt.response?.status ?? null),
    // As JSON, in which a NUL is an escape that text can hold.
    attempts.map((attempt) => (attempt.response ? JSON.stringify(attempt.response.headers) : null)),
    attempts.map((attempt) => (attempt.response ? storableText(attempt.response.body) : null)),
  ])
}

const INSERT = {
  name: 'insert-attempts',
  text: `
    insert into attempts (delivery_id, id, accepted_at, chain, number, trigger, started_at, duration_ms, outcome, reason,
                          request_url, request_headers, response_status, response_headers, response_body)
    select delivery_id, id, to_timestamp(accepted_at / 1000), chain, number, trigger, to_timestamp(started_at / 1000),
           duration_ms, outcome, reason, request_url, request_headers, response_status, response_headers, response_body
    from unnest($1::text[], $2::text[], $3::float8[], $4::integer[], $5::integer[], $6::text[], $7::float8[],
                $8::integer[], $9::text[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::text[], $15::text[])
      as attempt (delivery_id, id, accepted_at, chain, number, trigger, started_at, duration_ms, outcome, reason,
                  request_url, request_headers, response_status, response_headers, response_body)
    on conflict do nothing`,
}

function keyOf({ deliveryId, id, acceptedAt }: AttemptRow): string {
  return `${deliveryId}/${id}/${acceptedAt}`
}
