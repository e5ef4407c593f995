import { Injectable } from '@nestjs/common'
import {
  type AttemptOutcome,
  type ChainEnd,
  type Delivery,
  type DeliveryRef,
  type DisableWebhook,
  type NextStep,
  RetrySchedule,
  isWorthAFact,
  nextStep,
} from '#domain'
import { BatchingProducer } from '#kafka'
import {
  type Message,
  TopicMap,
  encodeDeadLetter,
  encodeDelivery,
  encodeFact,
  encodeUndecodable,
  encodeWebhookCommand,
} from '#topics'
import { AttemptedKeys } from '../past/attempted-keys.js'
import type { CountedReport } from '../attempts/attempt-delivery.js'
import { NewestChains } from '../past/newest-chains.js'
import type { Work } from '../work.js'

/**
 * Writes what follows from an attempt, and only when all of it is acknowledged calls the record complete: whatever
 * crashes in between, the log still holds either the record or its successor.
 */
@Injectable()
export class Settlement {
  constructor(
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
    private readonly schedule: RetrySchedule,
    private readonly attempted: AttemptedKeys,
    private readonly chains: NewestChains,
  ) {}

  /** After an attempt: the next one waits in its tier, or the chain ends. */
  async afterAttempt(work: Work, report: CountedReport, command: DisableWebhook | null = null): Promise<NextStep> {
    const { delivery } = work
    const next = this.#nextStep(delivery, report.result)
    const messages: Message[] = []
    // Whoever owns the partition now makes this attempt again and writes what follows; the request itself was made.
    const isLeftToOthers = next.kind === 'retry' && !work.batch.isOwned()
    if (next.kind === 'retry' && !isLeftToOthers) messages.push(this.#retry(delivery, report.startedAt, next))
    if (next.kind === 'end' && isDeadLetter(delivery, next.end)) {
      messages.push(encodeDeadLetter(this.topics.deadLetter, delivery, next.end))
    }
    messages.push(encodeFact(this.topics.deliveryLog, attemptedFact(delivery, report, next)))
    if (command) messages.push(encodeWebhookCommand(this.topics.webhookCommands, command))
    await this.producer.send(messages)
    if (next.kind === 'end') this.attempted.ended(delivery, Date.now())
    else if (!isLeftToOthers) this.attempted.attempted(delivery, Date.now())
    work.batch.complete(work.record)
    return next
  }

  /** Without an attempt: the webhook is gone or disabled, or the time is up. */
  async end(work: Work, end: ChainEnd): Promise<void> {
    const { delivery } = work
    const messages: Message[] = []
    if (isDeadLetter(delivery, end)) messages.push(encodeDeadLetter(this.topics.deadLetter, delivery, end))
    const at = Date.now()
    messages.push(encodeFact(this.topics.deliveryLog, { kind: 'chain_ended', delivery: refOf(delivery), at, end }))
    // Before it is written: another record of the chain may come meanwhile, and must not end it once more. Should this
    // process not live to write it, the record at hand is not complete and its next owner does.
    this.attempted.ended(delivery, at)
    await this.producer.send(messages)
    work.batch.complete(work.record)
  }

  /**
   * Puts a delivery off until `until` (ms since the epoch) or as long as the third tier allows. It loses no attempt.
   * @param by what is put off for a fault of ours does not age by it
   */
  async defer(work: Work, until: number, by: 'receiver' | 'us' = 'receiver'): Promise<void> {
    const { delivery } = work
    const now = Date.now()
    // Its new owner reads the same record and decides for itself.
    if (!work.batch.isOwned()) return
    const tiers = this.schedule.deferralTiers
    const tier = tiers.find(({ delayMs }) => delayMs >= until - now) ?? tiers.at(-1)!
    const notBefore = Math.round(Math.min(until, now + tier.delayMs))
    const deferred: Delivery = {
      ...delivery,
      notBefore,
      isDeferred: true,
      deferredSince: by === 'us' ? delivery.deferredSince : (delivery.deferredSince ?? now),
      chainStartedAt: by === 'us' ? delivery.chainStartedAt : (delivery.chainStartedAt ?? now),
    }
    const messages = [encodeDelivery(this.topics.tier(tier), deferred)]
    const { acceptedAt, attempt } = delivery
    if (isWorthAFact({ since: delivery.notBefore ?? acceptedAt, acceptedAt }, notBefore, now)) {
      messages.push(
        encodeFact(this.topics.deliveryLog, {
          kind: 'deferred',
          delivery: refOf(delivery),
          at: now,
          attempt,
          notBefore,
        }),
      )
    }
    await this.producer.send(messages)
    work.batch.complete(work.record)
  }

  repeatCommand(command: DisableWebhook): Promise<void> {
    return this.producer.send([encodeWebhookCommand(this.topics.webhookCommands, command)])
  }

  /** A record that nobody can read: whole to the dead letters, with what is wrong with it. */
  async undecodable(record: Work['record'], batch: Work['batch'], problem: string): Promise<void> {
    await this.producer.send([encodeUndecodable(this.topics.deadLetter, record, record, problem)])
    batch.complete(record)
  }

  /** A chain that was replaced while its attempt was under way ends with it, without a retry. */
  #nextStep(delivery: Delivery, outcome: AttemptOutcome): NextStep {
    const next = nextStep(delivery, outcome, this.schedule, Date.now())
    return next.kind === 'retry' && this.chains.isReplaced(delivery) ? { kind: 'end', end: 'cancelled' } : next
  }

  #retry(delivery: Delivery, startedAt: number, next: Extract<NextStep, { kind: 'retry' }>): Message {
    return encodeDelivery(this.topics.tier(next.tier), {
      ...delivery,
      attempt: next.attempt,
      notBefore: next.notBefore,
      isDeferred: false,
      chainStartedAt: delivery.chainStartedAt ?? startedAt,
    })
  }
}

/** Given up after trying: kept whole, so that a person can send it again. A cancelled or a test delivery is not. */
function isDeadLetter(delivery: Delivery, end: ChainEnd): boolean {
  return delivery.trigger !== 'test' && (end === 'exhausted' || end === 'gone' || end === 'expired')
}

function attemptedFact(delivery: Delivery, report: CountedReport, next: NextStep) {
  const { attemptId, startedAt, durationMs, request, response, result } = report
  return {
    kind: 'attempted' as const,
    delivery: refOf(delivery),
    attemptId,
    number: delivery.attempt,
    startedAt,
    durationMs,
    outcome: result,
    request,
    response,
    next: next.kind === 'end' ? next : { kind: 'retry' as const, attempt: next.attempt, notBefore: next.notBefore },
  }
}

function refOf(delivery: Delivery): DeliveryRef {
  const { id, eventId, eventType, accountId, webhookId, trigger, chain, acceptedAt } = delivery
  return { deliveryId: id, eventId, eventType, accountId, webhookId, trigger, chain, acceptedAt }
}
