import type { Consumer, ConsumerGroupJoinEvent, RequestEvent } from 'kafkajs'
import { backoffMs } from '../client/backoff.js'
import { brokerErrorType } from '../client/cluster-link.js'
import { errorText } from '../client/error-text.js'
import type { Cluster } from '../client/kafkajs.js'
import { lookUpLeaders } from '../client/look-up-leaders.js'
import { pauseFor } from '../client/pause-for.js'
import { within } from '../client/within.js'
import type { KafkaClient, KafkaConnection } from '../kafka-connection.js'
import { AssignmentStart } from './assignment-start.js'
import { type ConsumerHooks, type DecoupledConsumerOptions, kafkaJsOptions } from './consumer-options.js'
import { type ConsumerSettings, consumerSettings } from './consumer-settings.js'
import { FetchedBatches } from './fetched-batches.js'
import { GroupCoordinator } from './group-coordinator.js'
import type { TopicPartition } from '../topic-partition.js'
import { type HeldPartition, HeldPartitions, plainPartitions } from './held-partitions.js'
import { MembershipClock } from './membership-clock.js'
import { OffsetCommitter } from './offset-committer.js'
import { PartitionPauses } from './partition-pauses.js'
import { type BatchHandler, PatientHandler } from './patient-handler.js'
import { RunLoopWatch } from './run-loop-watch.js'
import { readEnds, readStartingOffsets } from './starting-offsets.js'
import { stickyAssigner } from './sticky-assigner.js'

const REQUEST_TIMEOUT_MS = 10_000
/** On a half-open connection nothing is committed for so long. */
const COMMIT_TIMEOUT_MS = 3_000
const START_WAIT_MS = 10_000
const CLOSE_WAIT_MS = 5_000
const MAX_START_BACKOFF_MS = 5_000
const ENDS_REFRESH_MS = 10_000
const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION'
/** The commit before a join; the group's other members wait for it, too. */
const LAST_COMMIT_MS = 1_000

/**
 * Consumes at least once, with the offsets decoupled from the handler: a record that takes long holds up nothing but
 * its own offset. Membership and fetching are kafkajs'; offsets, epochs, pauses and commits are ours.
 */
export class DecoupledConsumer {
  private readonly settings: ConsumerSettings
  private readonly client: KafkaClient
  private readonly consumer: Consumer
  private readonly held = new HeldPartitions()
  private readonly clock = new MembershipClock()
  private readonly closing = new AbortController()
  private readonly pauses: PartitionPauses
  private readonly coordinator: GroupCoordinator
  private readonly committer: OffsetCommitter
  private readonly fetched: FetchedBatches
  private readonly assignmentStart: AssignmentStart
  private readonly watch: RunLoopWatch
  private readonly timers: NodeJS.Timeout[] = []
  private cluster: Cluster | undefined
  private firstJoin!: () => void
  private readonly joinedOnce = new Promise<void>((resolve) => (this.firstJoin = resolve))

  constructor(
    private readonly connection: KafkaConnection,
    private readonly options: DecoupledConsumerOptions,
    onBatch: BatchHandler,
    private readonly hooks: ConsumerHooks,
  ) {
    const { log } = connection
    const { signal } = this.closing
    this.settings = consumerSettings(options.settings)
    this.client = connection.client(REQUEST_TIMEOUT_MS)
    this.consumer = this.makeConsumer()
    this.pauses = new PartitionPauses(this.consumer)
    const { groupId, trackBeyondMark } = options
    const { commitAfterRecords } = this.settings
    const coordinator = new GroupCoordinator(connection.link(COMMIT_TIMEOUT_MS), groupId, options.topics)
    this.coordinator = coordinator
    this.committer = new OffsetCommitter(this.held, groupId, coordinator, trackBeyondMark, log, commitAfterRecords)
    const handler = new PatientHandler(onBatch, (error, batch) => hooks.onHandlerFailed?.(error, batch), log, signal)
    const seek = (holding: HeldPartition) => this.seekToNext(holding)
    const noteCompleted = () => this.committer.noteCompleted()
    const onDead = (error: Error) => hooks.onFatal(error)
    this.fetched = new FetchedBatches(
      this.held,
      this.clock,
      handler,
      seek,
      noteCompleted,
      onDead,
      this.settings,
      log,
      signal,
    )
    const readStarts = (partitions: readonly TopicPartition[]) => this.readStarts(partitions)
    this.assignmentStart = new AssignmentStart(this.held, readStarts, hooks.onAssigned?.bind(hooks), log, signal)
    const stillMs = () => Math.max(this.fetchAgeMs(), this.clock.unconfirmedMs())
    this.watch = new RunLoopWatch(connection.link(REQUEST_TIMEOUT_MS), groupId, stillMs, onDead, log)
  }

  /** Joins the group. Resolves when it has, or after 10 s when the broker is away: it goes on trying. */
  async start(): Promise<void> {
    this.listen()
    void this.run()
    this.watch.start()
    this.timers.push(
      setInterval(() => this.committer.commitIfIdle(), this.settings.commitIntervalMs),
      setInterval(() => void this.refreshEnds(), ENDS_REFRESH_MS),
    )
    await Promise.race([this.joinedOnce, pauseFor(START_WAIT_MS, this.closing.signal)])
  }

  /** No more records of the partition until every reason is resumed. What was handed out stays handed out. */
  pause(topic: string, partition: number, reason: string): void {
    this.pauses.pause({ topic, partition }, reason)
  }

  resume(topic: string, partition: number, reason: string): void {
    this.pauses.resume({ topic, partition }, reason)
  }

  /** The same for every partition, also those that will be held later: for the bounds of the whole process. */
  pauseAll(reason: string): void {
    this.pauses.pauseAll(this.held.all, reason)
  }

  resumeAll(reason: string): void {
    this.pauses.resumeAll(this.held.all, reason)
  }

  /**
   * Gives records back: those from `offset` on that are not complete come again, after the resume if it is paused.
   * Ignored for a partition that is not held.
   */
  rewind(topic: string, partition: number, offset: number): void {
    const holding = this.held.get(topic, partition)
    if (!holding?.tracker) return
    holding.tracker.rewind(offset)
    this.seekToNext(holding)
  }

  /** Age of the last answer that confirmed the membership, counted from its request; Infinity when not a member. */
  heartbeatAgeMs(): number {
    return this.clock.ageMs()
  }

  /** Since the fetch loop last went round: what liveness watches. It goes round while a handler is awaited, too. */
  fetchAgeMs(): number {
    return this.fetched.stillMs()
  }

  /** Records that are not complete, by held partition, as of the last fetch or the last 10 s. */
  lag(): (TopicPartition & { lag: number })[] {
    return this.held.all.flatMap(({ topic, partition, tracker, end }) =>
      tracker ? [{ topic, partition, lag: Math.max(0, end - tracker.mark) }] : [],
    )
  }

  /** A member of the group, with the offsets of all its partitions read. */
  isReady(): boolean {
    return this.held.membership !== undefined && this.held.all.every(({ tracker }) => tracker)
  }

  /** Takes no more records, and stays a member: what is under way is completed and committed. */
  drain(): void {
    this.pauses.pauseAll(this.held.all, 'drain')
  }

  /** Commits what is complete and leaves the group. Takes at most `timeoutMs`, also when the broker is away. */
  async close(timeoutMs = CLOSE_WAIT_MS): Promise<void> {
    if (this.closing.signal.aborted) return
    this.drain()
    for (const timer of this.timers) clearInterval(timer)
    this.watch.stop()
    this.committer.stop()
    this.closing.abort()
    try {
      await within(timeoutMs, 'leaving the consumer group', this.commitAndLeave())
    } catch (error) {
      this.connection.log.warn({ error: String(error), groupId: this.options.groupId }, 'left the group without a word')
    }
    this.coordinator.close()
    this.client.end()
    this.clock.lost()
    this.held.leave()
  }

  private async commitAndLeave(): Promise<void> {
    await this.committer.commit()
    await this.consumer.disconnect()
  }

  private makeConsumer(): Consumer {
    const { groupId, assignment, patientTopics = [] } = this.options
    const assigner = stickyAssigner(assignment, {
      claim: () => this.held.claim,
      beforeJoin: () => this.beforeJoin(),
      fetchEveryMs: this.settings.fetchEveryMs,
      patientTopics,
      onCluster: (cluster) => (this.cluster = cluster),
    })
    const mayRestart = () => !this.closing.signal.aborted
    return this.client.kafka.consumer(kafkaJsOptions(groupId, assigner, this.settings, mayRestart))
  }

  private listen(): void {
    const { GROUP_JOIN, HEARTBEAT, REQUEST, FETCH, STOP, CRASH } = this.consumer.events
    this.consumer.on(REQUEST, ({ payload }: RequestEvent) => this.clock.answered(payload.apiName, payload.sentAt))
    this.consumer.on(HEARTBEAT, () => this.clock.confirmed())
    this.consumer.on(FETCH, () => this.fetched.turned())
    this.consumer.on(GROUP_JOIN, ({ payload }) => this.onJoin(payload as JoinPayload))
    this.consumer.on(STOP, () => this.onOutOfGroup())
    this.consumer.on(CRASH, ({ payload }) => {
      if (!payload.restart && !this.closing.signal.aborted) this.hooks.onFatal(payload.error)
    })
  }

  private async run(): Promise<void> {
    const { topics, groupId } = this.options
    for (let attempt = 0; !this.closing.signal.aborted; attempt++) {
      try {
        await this.consumer.connect()
        // Without fromBeginning new partitions, and those whose offset fell out of retention, begin at their end.
        await this.consumer.subscribe({ topics, fromBeginning: true })
        await this.consumer.run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          eachBatch: (payload) => this.fetched.handOut(payload),
        })
        return
      } catch (error) {
        if (this.closing.signal.aborted) return
        const fields = { error: String(error), groupId, topics }
        this.connection.log.error(fields, 'the consumer cannot start; trying again')
        if (this.options.waitsForTopics && brokerErrorType(error) === UNKNOWN_TOPIC) {
          this.fetched.turned()
          this.clock.begun()
        }
        await pauseFor(backoffMs(attempt, MAX_START_BACKOFF_MS), this.closing.signal)
      }
    }
  }

  /** The old generation counts until we join again: what is complete by then need not be repeated. */
  private async beforeJoin(): Promise<void> {
    if (this.closing.signal.aborted || !this.held.membership) return
    const { groupId } = this.options
    try {
      await this.hooks.beforeRejoin?.()
      const isCommitted = await within(LAST_COMMIT_MS, 'the commit before a join', this.committer.commit())
      if (!isCommitted) this.connection.log.warn({ groupId }, 'joining again, and the last commit was refused')
    } catch (error) {
      this.connection.log.warn({ error: errorText(error), groupId }, 'joining again without a last commit')
    }
  }

  private onJoin({ memberId, generationId, memberAssignment }: JoinPayload): void {
    this.clock.confirmed()
    const { retained, gained, lost } = this.held.join({ memberId, generationId }, memberAssignment)
    const { epoch } = this.held
    this.pauses.afterJoin(this.held.all, lost)
    // kafkajs would begin again at the committed offset and hand out once more what is under way.
    for (const holding of retained) this.seekToNext(holding)
    this.tellLost(lost)
    if (!this.closing.signal.aborted) this.hooks.onJoined?.()
    this.fetched.joined(this.assignmentStart.prepare(gained, epoch))
    this.firstJoin()
    const counts = { retained: retained.length, gained: gained.length, lost: lost.length }
    const fields = { groupId: this.options.groupId, epoch, generationId, ...counts }
    this.connection.log.info(fields, 'joined the consumer group')
  }

  private onOutOfGroup(): void {
    this.clock.lost()
    const lost = this.held.leave()
    // The join that follows finds nothing held, and so nothing lost: the reasons would stay, for hours in a tier.
    this.pauses.forget(lost)
    this.tellLost(lost)
  }

  private tellLost(lost: readonly TopicPartition[]): void {
    if (lost.length === 0 || this.closing.signal.aborted) return
    try {
      this.hooks.onLost?.(plainPartitions(lost), this.held.epoch)
    } catch (error) {
      this.connection.log.error({ error: errorText(error) }, 'onLost failed')
    }
  }

  private async readStarts(partitions: readonly TopicPartition[]) {
    const { groupId } = this.options
    const cluster = this.ownCluster()
    try {
      return await this.coordinator.ask((broker) => readStartingOffsets(cluster, broker, groupId, partitions))
    } catch (error) {
      // A leader may have moved, or be gone and silent, and nothing else asks for it while the first records wait for this.
      await lookUpLeaders(cluster)
      throw error
    }
  }

  private ownCluster(): Cluster {
    if (!this.cluster) throw new Error('kafkajs made a consumer without its assigner')
    return this.cluster
  }

  private seekToNext({ topic, partition, tracker }: HeldPartition): void {
    if (!tracker) return
    try {
      this.consumer.seek({ topic, partition, offset: String(tracker.next) })
    } catch (error) {
      // Between a crash and the join that follows there is nothing to seek in; the join begins anew by itself.
      this.connection.log.debug({ topic, partition, error: String(error) }, 'cannot seek now')
    }
  }

  /** Paused partitions would otherwise show the lag of the moment they were paused. */
  private async refreshEnds(): Promise<void> {
    const holdings = this.held.all.filter(({ tracker }) => tracker)
    if (holdings.length === 0) return
    try {
      for (const { topic, partition, end } of await readEnds(this.ownCluster(), holdings)) {
        const holding = this.held.get(topic, partition)
        if (holding) holding.end = Math.max(holding.end, end)
      }
    } catch (error) {
      this.connection.log.debug({ error: String(error) }, 'the ends of the partitions cannot be read')
    }
  }
}

type JoinPayload = ConsumerGroupJoinEvent['payload'] & { generationId: number }
