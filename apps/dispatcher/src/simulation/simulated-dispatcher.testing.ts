import type { DeliverableWebhook, Delivery } from '#domain'
import { DecoupledConsumer, type ConsumedRecord, type LogSpan, type RecordBatch } from '#kafka'
import { Registry, Tracing } from '#telemetry'
import type { AttemptReport } from '../attempts/attempt-delivery.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { Intake } from '../intake/intake.js'
import { LeftInLog } from '../intake/left-in-log.js'
import { WaitingRoom } from '../intake/waiting-room.js'
import { Dispatch } from '../lanes/dispatch.js'
import { Lanes } from '../lanes/lanes.js'
import { MemoryBounds } from '../memory-bounds.js'
import { AttemptedKeys } from '../past/attempted-keys.js'
import { KnownStreaks } from '../past/known-streaks.js'
import { NewestChains } from '../past/newest-chains.js'
import { UncommittedPast } from '../past/uncommitted-past.js'
import { UnknownPast } from '../past/unknown-past.js'
import { Consequences } from '../settlement/consequences.js'
import { Settlement } from '../settlement/settlement.js'
import { WorksInHand } from '../works-in-hand.js'
import { FollowedWebhooks } from './pretend-api.testing.js'
import { never, passed } from './pretend-clock.testing.js'
import { PretendConnection, silent } from './pretend-connection.testing.js'
import { CONSUMED, partitionOf, schedule, topics } from './pretend-log.testing.js'
import { PretendProducer } from './pretend-producer.testing.js'
import { PostgresAway } from './read-model.testing.js'
import type { World } from './world.testing.js'

const MAX_AGE_MS = 90_000
/** Longer than any simulation. */
const RETENTION_MS = 30 * 86_400_000
const DISABLE_RULE = { afterAttempts: 10, afterMs: 20_000 }
const DRAIN_MS = 7_000
const LAST_WRITES_MS = 1_000
const FORGET_IDLE_LANES_EVERY_MS = 5_000
const SESSION_MS = 10_000
const logger = silent as never

/** All of a dispatcher that decides anything, put together as its module does; what is outside of it is pretended. */
export class SimulatedDispatcher {
  isStopping = false
  #isKilled = false
  readonly memory = new MemoryBounds()
  readonly waitingRoom = new WaitingRoom(this.memory, schedule)
  readonly webhooks: FollowedWebhooks
  readonly lanes: Lanes
  readonly consequences: Consequences
  readonly #registry = new Registry()
  readonly #connection: PretendConnection
  readonly #producer: PretendProducer
  readonly #dispatch: Dispatch
  readonly #intake: Intake
  readonly #consumer: DecoupledConsumer
  readonly #underWay = new Map<string, number>()

  constructor(
    private readonly world: World,
    readonly number: number,
  ) {
    const { chance, log, group, readModel, writing } = world
    const { memory } = this
    this.webhooks = new FollowedWebhooks(world.api, chance)
    this.#connection = new PretendConnection(log, group, chance)
    this.#producer = new PretendProducer((message) => world.append(message), writing, chance)
    const webhooks = this.webhooks as never
    const attempted = new AttemptedKeys()
    const metrics = new DispatchMetrics(this.#registry)
    const chains = new NewestChains(readModel as never, logger)
    const streaks = new KnownStreaks(readModel as never, logger)
    const inHand = new WorksInHand(attempted, memory, metrics)
    const settlement = new Settlement(this.#producer as never, topics, schedule, attempted, chains)
    this.consequences = new Consequences(settlement, inHand, chains, metrics, Tracing.off, MAX_AGE_MS, logger)
    this.lanes = new Lanes(inHand, webhooks, streaks, schedule)
    const attempts = { run: (delivery: Delivery, webhook: DeliverableWebhook) => this.#attempt(delivery, webhook) }
    this.#dispatch = new Dispatch(
      attempts as never,
      this.lanes,
      streaks,
      this.consequences,
      inHand,
      webhooks,
      memory,
      metrics,
      schedule,
      chains,
      DISABLE_RULE,
      logger,
    )
    const reader = { read: this.#readLog.bind(this), begin: () => Promise.resolve(0) }
    const past = new UnknownPast(readModel as never, chains, RETENTION_MS, logger)
    const uncommitted = new UncommittedPast(readModel as never, attempted, chains, metrics, logger)
    this.#intake = new Intake(
      this.#dispatch,
      this.lanes,
      this.waitingRoom,
      this.consequences,
      memory,
      new LeftInLog(this.lanes, memory, reader as never, metrics, logger),
      past,
      uncommitted,
      chains,
      topics,
      schedule,
      metrics,
      logger,
    )
    this.#consumer = new DecoupledConsumer(
      this.#connection.asKafkaConnection(),
      {
        groupId: 'dispatcher',
        topics: CONSUMED,
        assignment: 'together',
        trackBeyondMark: true,
        settings: { commitAfterRecords: 10 },
      },
      (batch) => this.#take(batch),
      {
        onAssigned: async (partitions, _epoch, withUnknownPast) => {
          past.takenOver(withUnknownPast, Date.now())
          uncommitted.takenOver(partitions.filter(({ topic }) => topic === topics.deliveries))
          await Promise.all([streaks.load((id) => this.lanes.get(id)?.health), chains.load()])
        },
        onLost: (partitions) => {
          past.lost(partitions)
          this.#intake.dropLost()
        },
        beforeRejoin: () => this.#dispatch.pauseForHandOver(),
        onJoined: () => this.#dispatch.resumeAfterHandOver(),
        onFatal: (error) => {
          if (!this.#isKilled) this.world.problems.push(`dispatcher ${this.number} would end: ${error}`)
        },
        onHandlerFailed: (error) => {
          if (!(error instanceof PostgresAway)) this.world.problems.push(`the handler failed: ${error}`)
        },
      },
    )
    this.#intake.attach(this.#consumer)
    void this.#consumer.start()
    setInterval(() => this.lanes.forgetIdle(), FORGET_IDLE_LANES_EVERY_MS)
  }

  get kafka() {
    return this.#connection.consumer!
  }

  /** As `startDispatcher` stops. */
  async stop(): Promise<void> {
    this.isStopping = true
    this.#consumer.drain()
    this.#intake.stop()
    const isDrained = await this.#dispatch.drain(DRAIN_MS)
    await this.#consumer.close()
    if (!isDrained) await passed(LAST_WRITES_MS)
    this.#producer.close()
  }

  /** As by SIGKILL: nothing that is still under way here reaches anybody, and the group notices after a session. */
  kill(): void {
    this.isStopping = true
    this.#isKilled = true
    this.#producer.cutOff()
    this.#connection.cutOff()
    const { memberId } = this.kafka
    setTimeout(() => memberId !== undefined && this.world.group.leave(memberId), SESSION_MS)
  }

  /** Of a metric without labels. */
  async gauge(name: string): Promise<number> {
    return (await this.#registry.getSingleMetric(name)!.get()).values[0]!.value
  }

  #take(batch: RecordBatch): void | Promise<void> {
    if (batch.topic === topics.deliveries) return this.#intake.now(batch)
    if (batch.topic === topics.replay) return this.#intake.replays(batch)
    return this.#intake.later(batch)
  }

  async #readLog({ topic, partition, from, end }: LogSpan, onRecords: (records: ConsumedRecord[]) => boolean | void) {
    const { chance, log } = this.world
    await passed(chance.from(1, 20))
    for (let at = from; at < end;) {
      const records = log.read(topic, partition, at, Math.min(end, at + chance.from(1, 30)))
      if (onRecords(records.map((record) => ({ ...record, topic, partition }))) === false) return
      at += records.length
    }
  }

  async #attempt(delivery: Delivery, webhook: DeliverableWebhook): Promise<AttemptReport> {
    const { group, receivers, requests } = this.world
    const { webhookId } = delivery
    if (this.#isKilled) await never()
    const { result, afterMs } = receivers.answer(webhookId)
    const startedAt = Date.now()
    const underWay = (this.#underWay.get(webhookId) ?? 0) + 1
    this.#underWay.set(webhookId, underWay)
    if (result) {
      const isAnothers = group.isAnothers(topics.deliveries, partitionOf(webhookId), this.kafka.memberId)
      requests.push({ delivery, webhook, startedAt, dispatcher: this.number, underWay, isAnothers })
    }
    await passed(afterMs)
    if (this.#isKilled) await never()
    this.#underWay.set(webhookId, this.#underWay.get(webhookId)! - 1)
    return {
      attemptId: `atm_${requests.length}`,
      startedAt,
      durationMs: afterMs,
      request: { url: webhook.url, headers: {} },
      response: null,
      result,
      ...(result === null && { ourFault: 'file_descriptors' as const }),
    }
  }
}
