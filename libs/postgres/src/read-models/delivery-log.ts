import { SAME_EVENT_WITHIN_MS } from '#domain'
import type { Database } from '../database.js'
import { type DeliveryFilter, deliveryListQuery } from './delivery-list-query.js'
import { DELIVERY_COLUMNS, type DeliveryRecord, deliveryStateOf } from './delivery-row.js'
import type { DeliveryState } from './delivery-state.js'
import type { LogPage } from './log-page.js'
import type { AttemptRow } from './read-model-rows.js'
import { epochMs } from '../epoch-ms.js'

/** What became of deliveries, always of one account: another account's id is an unknown id. */
export class DeliveryLog {
  constructor(private readonly database: Database) {}

  /** Newest event first; up to `limit + 1` rows. Every page of every filter costs about the same. */
  async list(accountId: string, webhookId: string, filter: DeliveryFilter, page: LogPage): Promise<DeliveryState[]> {
    const { text, values } = deliveryListQuery(accountId, webhookId, filter, page)
    return (await this.database.query<DeliveryRecord>(text, values)).map(deliveryStateOf)
  }

  /** Null: the account has no such delivery. Of two acceptances long apart the latest is told. */
  async find(accountId: string, id: string): Promise<DeliveryState | null> {
    const [record] = await this.database.query<DeliveryRecord>(
      {
        name: 'find-delivery',
        text: `select ${DELIVERY_COLUMNS} from deliveries
               where id = $1 and account_id = $2 order by accepted_at desc limit 1`,
      },
      [id, accountId],
    )
    return record ? deliveryStateOf(record) : null
  }

  /** Those among the deliveries of one event that are known. `acceptedAt` of it, ms: days later another may have come. */
  async findAll(accountId: string, ids: string[], acceptedAt: number): Promise<DeliveryState[]> {
    const records = await this.database.query<DeliveryRecord>(
      {
        name: 'find-deliveries',
        text: `select ${DELIVERY_COLUMNS} from deliveries
               where id = any($1) and account_id = $2 and accepted_at between $3 and $4
               order by accepted_at, id`,
      },
      [ids, accountId, new Date(acceptedAt), new Date(acceptedAt + SAME_EVENT_WITHIN_MS)],
    )
    return records.map(deliveryStateOf)
  }

  /**
   * The latest chain of each of these deliveries that is known, of whatever account. For operators only.
   * @param deliveries `acceptedAt` of their event, ms since the epoch: days later another may have come under the same id
   */
  latestChains(
    deliveries: readonly Pick<DeliveryState, 'id' | 'acceptedAt'>[],
  ): Promise<Pick<DeliveryState, 'id' | 'acceptedAt' | 'chain'>[]> {
    return this.database.query(
      `select asked.id, asked.accepted_at as "acceptedAt", max(chain) as chain
       from unnest($1::text[], $2::float8[]) as asked (id, accepted_at)
       join deliveries on deliveries.id = asked.id
         and deliveries.accepted_at between to_timestamp((asked.accepted_at - ${SAME_EVENT_WITHIN_MS}) / 1000)
                                        and to_timestamp((asked.accepted_at + ${SAME_EVENT_WITHIN_MS}) / 1000)
       group by 1, 2`,
      [deliveries.map(({ id }) => id), deliveries.map(({ acceptedAt }) => acceptedAt)],
    )
  }

  /**
   * The same with its attempts, as of one moment: both change together.
   * @param mostBytes after which no older attempt is read; the newest always is
   */
  async withAttempts(accountId: string, id: string, mostBytes: number): Promise<DeliveryWithAttempts | null> {
    const [row] = await this.database.query<{ delivery: DeliveryRecord; attempts: AttemptRecord[] }>(WITH_ATTEMPTS, [
      id,
      accountId,
      mostBytes,
    ])
    return row ? { delivery: deliveryStateOf(row.delivery), attempts: row.attempts.map(attemptFrom) } : null
  }
}

export interface DeliveryWithAttempts {
  delivery: DeliveryState
  /** Of all chains, the newest hundred or as many bytes as were wanted, in the order in which they were made. */
  attempts: LoggedAttempt[]
}

export interface LoggedAttempt extends AttemptRow {
  /** What the newer ones take in an answer, without the event's body. */
  newerBytes: number
}

interface AttemptRecord extends Omit<LoggedAttempt, 'request' | 'response'> {
  requestUrl: string
  requestHeaders: string
  responseStatus: number | null
  responseHeaders: string | null
  responseBody: string | null
}

/** A delivery can be asked for again without end, and each attempt may have some 40 KB. */
const MOST_ATTEMPTS = 100

/** As JSON, which of a body that is all control characters is six times as long. Headers are kept as JSON. */
const BYTES = `octet_length(request_url) + octet_length(request_headers) + coalesce(octet_length(response_headers), 0)
  + coalesce(octet_length(to_json(response_body)::text), 0)`

/** One statement, hence one snapshot. */
const WITH_ATTEMPTS = {
  name: 'delivery-with-attempts',
  text: `
    select to_json(delivery) as delivery, (
      select coalesce(json_agg(attempt order by attempt."startedAt", attempt.id), '[]') from (
        select id, delivery_id as "deliveryId", ${epochMs('accepted_at')} as "acceptedAt",
               chain, number, trigger, ${epochMs('started_at')} as "startedAt",
               duration_ms as "durationMs", outcome, reason,
               request_url as "requestUrl", request_headers as "requestHeaders",
               response_status as "responseStatus", response_headers as "responseHeaders",
               response_body as "responseBody", newer_bytes as "newerBytes"
        from (
          select *, coalesce(sum(${BYTES}) over newer, 0) as newer_bytes
          from (
            select * from attempts where delivery_id = $1 and accepted_at = to_timestamp(delivery."acceptedAt" / 1000)
            order by started_at desc, id desc limit ${MOST_ATTEMPTS}
          ) as newest
          window newer as (order by started_at desc, id desc rows between unbounded preceding and 1 preceding)
        ) as weighed
        where newer_bytes < $3::int
      ) as attempt
    ) as attempts
    from (
      select ${DELIVERY_COLUMNS} from deliveries
      where id = $1 and account_id = $2 order by accepted_at desc limit 1
    ) as delivery`,
}

function attemptFrom(record: AttemptRecord): LoggedAttempt {
  const { requestUrl, requestHeaders, responseStatus, responseHeaders, responseBody, ...attempt } = record
  return {
    ...attempt,
    request: { url: requestUrl, headers: JSON.parse(requestHeaders) as Record<string, string> },
    response:
      responseStatus === null
        ? null
        : {
            status: responseStatus,
            headers: JSON.parse(responseHeaders ?? '{}') as Record<string, string>,
            body: responseBody ?? '',
          },
  }
}
