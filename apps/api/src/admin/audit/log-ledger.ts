import type { AcceptedEvent, ChainEnd, DeliveryRef, Fact, Trigger } from '#domain'

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
  /** By account and event: the first acceptance, whenever it was. */
  readonly accepted = new Map<string, number>()
  readonly fannedOut = new Map<string, number>()
  readonly deliveries = new Map<string, LoggedDelivery>()
  /** By attempt: its delivery. */
  readonly attempts = new Map<string, string>()
  facts = 0

  event({ accountId, id, acceptedAt }: Pick<AcceptedEvent, 'accountId' | 'id' | 'acceptedAt'>): void {
    keepEarliest(this.accepted, eventKey(accountId, id), acceptedAt)
  }

  fact(fact: Fact): void {
    this.facts++
    switch (fact.kind) {
      case 'fanned_out': {
        const { accountId, eventId, acceptedAt, matched } = fact
        keepEarliest(this.fannedOut, eventKey(accountId, eventId), acceptedAt)
        for (const { deliveryId } of matched) {
          this.#chain({ deliveryId, acceptedAt, chain: 0, trigger: 'automatic' }, { attempt: 1, notBefore: acceptedAt })
        }
        return
      }
      case 'attempted': {
        const { delivery, attemptId, number, startedAt, durationMs, next } = fact
        const isRetried = next.kind === 'retry'
        const chain = this.#chain(delivery, isRetried ? next : { attempt: number, notBefore: startedAt })
        chain.attempts++
        this.attempts.set(attemptId, delivery.deliveryId)
        if (!isRetried) chain.ends.push({ kind: next.end, at: Math.round(startedAt + durationMs) })
        return
      }
      case 'deferred':
        this.#chain(fact.delivery, fact)
        return
      case 'redelivery_requested':
        this.#chain(fact.delivery, { attempt: 1, notBefore: fact.at })
        return
      case 'chain_ended':
        this.#chain(fact.delivery, { attempt: 0, notBefore: 0 }).ends.push({ kind: fact.end, at: Math.round(fact.at) })
    }
  }

  /** The chain that a fact is about, with what it asks for next where that is later than what is known. */
  #chain(
    ref: Pick<DeliveryRef, 'deliveryId' | 'acceptedAt' | 'chain' | 'trigger'>,
    { attempt, notBefore }: LoggedChain['next'],
  ): LoggedChain {
    const delivery = this.deliveries.get(ref.deliveryId) ?? { acceptedAt: ref.acceptedAt, chains: [] }
    delivery.acceptedAt = Math.min(delivery.acceptedAt, ref.acceptedAt)
    this.deliveries.set(ref.deliveryId, delivery)
    let chain = delivery.chains.find(({ number }) => number === ref.chain)
    if (!chain) {
      chain = { number: ref.chain, trigger: ref.trigger, ends: [], attempts: 0, next: { attempt, notBefore } }
      delivery.chains.push(chain)
    }
    const { next } = chain
    if (attempt > next.attempt || (attempt === next.attempt && notBefore > next.notBefore)) {
      chain.next = { attempt, notBefore }
    }
    return chain
  }
}

/** `acc_…/evt_…`: the ids of producers are theirs, and two accounts may use the same one. */
export function eventKey(accountId: string, eventId: string): string {
  return `${accountId}/${eventId}`
}

function keepEarliest(times: Map<string, number>, key: string, at: number): void {
  times.set(key, Math.min(at, times.get(key) ?? at))
}
