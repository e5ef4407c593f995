import type { Database, Session } from '../database.js'
import { inPortions } from '../in-portions.js'
import { IS_OF_ANOTHER_EVENT } from './another-event.js'

/** One chain that somebody asked for. `content` is what will be sent, in the words of whoever asked. */
export interface RequestedChain {
  deliveryId: string
  chain: number
  content: string
}

/** What is asked for by its number. */
export interface ClaimedChain extends RequestedChain {
  /** Of its event, ms since the epoch. */
  acceptedAt: number
}

/** Requests per transaction: each is some 64 KiB at most, and the transaction lasts as long as their way to the log. */
const BATCH = 50
const FORGET_AT_ONCE = 1_000

/**
 * Gives the chains of redeliveries their numbers, and keeps each request until it is in the log: whatever crashes in
 * between, what was promised is sent, perhaps twice, under the same number.
 */
export class RedeliveryStore {
  constructor(private readonly database: Database) {}

  /**
   * Asks for the next chain of a delivery. Of requests at the same time, through any replica, one is given a number.
   *
   * @param known the latest chain that the read model knows of; what was given here and is not there yet counts, too
   * @param acceptedAt of its event, ms since the epoch
   * @returns the number; null while an earlier request for this delivery is still on its way to the log
   */
  async request(deliveryId: string, known: number, content: string, acceptedAt: number): Promise<number | null> {
    const values = [deliveryId, known + 1, content, new Date(acceptedAt)]
    const [row] = await this.database.query<{ chain: number }>(REQUEST, values)
    return row?.chain ?? null
  }

  /**
   * Asks for these very chains: a number that was given before, or passed, is not given again. So whoever finds the same
   * deliveries to be sent, at the same time or before the read model knows, sends nothing. Where the number before was
   * given for another event under the same id, days apart, the next one is the caller's.
   *
   * @param chains at most one of each delivery
   * @returns those that are the caller's to send, with their numbers
   */
  async claim(chains: ClaimedChain[]): Promise<RequestedChain[]> {
    const rows = await this.database.query<{ deliveryId: string; chain: number }>(CLAIM, [
      chains.map(({ deliveryId }) => deliveryId),
      chains.map(({ chain }) => chain),
      chains.map(({ content }) => content),
      chains.map(({ acceptedAt }) => new Date(acceptedAt)),
    ])
    const claimed = new Map(rows.map(({ deliveryId, chain }) => [deliveryId, chain]))
    return chains.flatMap((asked) => {
      const chain = claimed.get(asked.deliveryId)
      return chain === undefined ? [] : [{ ...asked, chain }]
    })
  }

  /** The fact and the record of the chain are in the log. */
  async sent({ deliveryId, chain }: Pick<RequestedChain, 'deliveryId' | 'chain'>): Promise<void> {
    await this.database.query(SENT, [deliveryId, chain])
  }

  /**
   * Sends what was left behind by a process that died or met an outage, oldest first, in portions. What another
   * replica is sending is passed over.
   *
   * @param olderThanMs younger requests are still in the hands of whoever took them
   * @throws what `send` throws; its portion stays
   */
  async sendLeftBehind(olderThanMs: number, send: (chains: RequestedChain[]) => Promise<void>): Promise<number> {
    let sent = 0
    for (;;) {
      const count = await this.database.transaction((session) => sendPortion(session, olderThanMs, send))
      sent += count
      if (count < BATCH) return sent
    }
  }

  /** Numbers are forgotten with the deliveries that they belong to. In portions. @returns how many were forgotten */
  forgetOlderThan(ms: number): Promise<number> {
    return inPortions(this.database, FORGET, [ms], FORGET_AT_ONCE)
  }
}

async function sendPortion(
  session: Session,
  olderThanMs: number,
  send: (chains: RequestedChain[]) => Promise<void>,
): Promise<number> {
  const chains = await session.query<RequestedChain>(LEFT_BEHIND, [olderThanMs])
  if (chains.length === 0) return 0
  await send(chains)
  for (const { deliveryId, chain } of chains) await session.query(SENT, [deliveryId, chain])
  return chains.length
}

/** A second request waits for the first one's commit here, and then finds it unsent. */
const REQUEST = {
  name: 'request-redelivery',
  text: `
    insert into redeliveries as known (delivery_id, chain, requested_at, unsent, accepted_at)
    values ($1, $2, now(), $3, $4)
    on conflict (delivery_id) do update
      set chain = greatest(known.chain + 1, excluded.chain), requested_at = now(), unsent = excluded.unsent,
          accepted_at = excluded.accepted_at
      where known.unsent is null
    returning chain`,
}

const CLAIM = {
  name: 'claim-redeliveries',
  text: `
    insert into redeliveries as known (delivery_id, chain, requested_at, unsent, accepted_at)
    select delivery_id, chain, now(), unsent, accepted_at
    from unnest($1::text[], $2::integer[], $3::text[], $4::timestamptz[]) as asked (delivery_id, chain, unsent, accepted_at)
    order by delivery_id
    on conflict (delivery_id) do update
      set chain = greatest(known.chain + 1, excluded.chain), requested_at = now(), unsent = excluded.unsent,
          accepted_at = excluded.accepted_at
      where known.unsent is null and (known.chain < excluded.chain or ${IS_OF_ANOTHER_EVENT})
    returning delivery_id as "deliveryId", chain`,
}

const SENT = {
  name: 'redelivery-sent',
  text: 'update redeliveries set unsent = null where delivery_id = $1 and chain = $2',
}

const LEFT_BEHIND = {
  name: 'unsent-redeliveries',
  text: `
    select delivery_id as "deliveryId", chain, unsent as content from redeliveries
    where unsent is not null and requested_at <= now() - $1::float8 * interval '1 ms'
    order by requested_at limit ${BATCH}
    for update skip locked`,
}

const FORGET = {
  name: 'forget-redeliveries',
  text: `
    delete from redeliveries where delivery_id in (
      select delivery_id from redeliveries
      where unsent is null and requested_at < now() - $1::float8 * interval '1 ms'
      order by requested_at limit ${FORGET_AT_ONCE}
    ) returning 1`,
}
