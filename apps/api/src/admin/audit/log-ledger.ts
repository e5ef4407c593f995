import { type AcceptedEvent, type ChainEnd, type DeliveryRef, type Fact, type Trigger, isSameEvent } from '#domain'

/** One chain of attempts as the log alone tells of it. Times in ms since the epoch. */
export interface LoggedChain {
  number: number
  trigger: Trigger
  ends: { kind: ChainEnd; at: number }[]
  attempts: number
  /** The attempt that was asked for last, and its earliest time. */
  next: { attempt: number; notBefore: number }
}

export interface LoggedDelivery {
  acceptedAt: number
  /** Few: one, and one more for each redelivery. */
  chains: LoggedChain[]
}

/**
 * What is in the log about events of some time, for an audit. Made for this alone and of nothing that makes the read
 * models, so that one mistake cannot be in both. It holds all of it in memory: some 500 bytes for each delivery.
 */
export class LogLedger {
  /** By account and event. */
  readonly accepted = new Acceptances()
  readonly fannedOut = new Acceptances()
  /** By id: nearly always one, and one more for each event that came under the same id days later. */
  readonly deliveries = new Map<string, LoggedDelivery[]>()
  /** By attempt: its delivery. */
  readonly attempts = new Map<string, LoggedDelivery>()
  facts = 0

  event({ accountId, id, acceptedAt }: Pick<AcceptedEvent, 'accountId' | 'id' | 'acceptedAt'>): void {
    this.accepted.add(eventKey(accountId, id), acceptedAt)
  }

  fact(fact: Fact): void {
    this.facts++
    switch (fact.kind) {
      case 'fanned_out': {
        const { accountId, eventId, acceptedAt, matched } = fact
        this.fannedOut.add(eventKey(accountId, eventId), acceptedAt)
        for (const { deliveryId } of matched) {
          const ref = { deliveryId, acceptedAt, chain: 0, trigger: 'automatic' } as const
          chainOf(this.#delivery(ref), ref, { attempt: 1, notBefore: acceptedAt })
        }
        return
      }
      case 'attempted': {
        const { delivery, attemptId, number, startedAt, durationMs, next } = fact
        const isRetried = next.kind === 'retry'
        const logged = this.#delivery(delivery)
        const chain = chainOf(logged, delivery, isRetried ? next : { attempt: number, notBefore: startedAt })
        chain.attempts++
        this.attempts.set(attemptId, logged)
        if (!isRetried) chain.ends.push({ kind: next.end, at: Math.round(startedAt + durationMs) })
        return
      }
      case 'deferred':
        chainOf(this.#delivery(fact.delivery), fact.delivery, fact)
        return
      case 'redelivery_requested':
        chainOf(this.#delivery(fact.delivery), fact.delivery, { attempt: 1, notBefore: fact.at })
        return
      case 'chain_ended': {
        const chain = chainOf(this.#delivery(fact.delivery), fact.delivery, { attempt: 0, notBefore: 0 })
        chain.ends.push({ kind: fact.end, at: Math.round(fact.at) })
      }
    }
  }

  /** Undefined where the log tells nothing of it. */
  delivery(id: string, acceptedAt: number): LoggedDelivery | undefined {
    return this.deliveries.get(id)?.find((each) => isSameEvent(each.acceptedAt, acceptedAt))
  }

  #delivery({ deliveryId, acceptedAt }: Pick<DeliveryRef, 'deliveryId' | 'acceptedAt'>): LoggedDelivery {
    const known = this.delivery(deliveryId, acceptedAt)
    if (known) {
      known.acceptedAt = Math.min(known.acceptedAt, acceptedAt)
      return known
    }
    const delivery: LoggedDelivery = { acceptedAt, chains: [] }
    const others = this.deliveries.get(deliveryId)
    if (others) others.push(delivery)
    else this.deliveries.set(deliveryId, [delivery])
    return delivery
  }
}

/** When ids were accepted first, whenever it was; an id that came again days later has two such times, as of two events. */
export class Acceptances {
  readonly #times = new Map<string, number[]>()
  size = 0

  /** @param acceptedAt ms since the epoch */
  add(key: string, acceptedAt: number): void {
    const times = this.#times.get(key)
    const known = times?.findIndex((time) => isSameEvent(time, acceptedAt)) ?? -1
    if (known >= 0) times![known] = Math.min(times![known]!, acceptedAt)
    else {
      this.size++
      if (times) times.push(acceptedAt)
      else this.#times.set(key, [acceptedAt])
    }
  }

  /** Without a time: whichever event it was. */
  has(key: string, acceptedAt?: number): boolean {
    const times = this.#times.get(key)
    return times !== undefined && (acceptedAt === undefined || times.some((time) => isSameEvent(time, acceptedAt)))
  }

  *[Symbol.iterator](): Generator<[key: string, acceptedAt: number]> {
    for (const [key, times] of this.#times) for (const time of times) yield [key, time]
  }
}

/** The chain that a fact is about, with what it asks for next where that is later than what is known. */
function chainOf(
  { chains }: LoggedDelivery,
  { chain: number, trigger }: Pick<DeliveryRef, 'chain' | 'trigger'>,
  { attempt, notBefore }: LoggedChain['next'],
): LoggedChain {
  let chain = chains.find((each) => each.number === number)
  if (!chain) {
    chain = { number, trigger, ends: [], attempts: 0, next: { attempt, notBefore } }
    chains.push(chain)
  }
  const { next } = chain
  if (attempt > next.attempt || (attempt === next.attempt && notBefore > next.notBefore)) {
    chain.next = { attempt, notBefore }
  }
  return chain
}

/** `acc_…/evt_…`: the ids of producers are theirs, and two accounts may use the same one. */
export function eventKey(accountId: string, eventId: string): string {
  return `${accountId}/${eventId}`
}
