import type { KafkaConnection } from '#kafka'
import type { Cluster } from '../../../../libs/kafka/src/client/kafkajs.js'
import type { OwnAssigner } from '../../../../libs/kafka/src/client/own-assigner.js'
import { FetchedBatch } from '../../../../libs/kafka/src/fetch/fetched-batch.js'
import type { Chance } from './chance.testing.js'
import { never, passed } from './pretend-clock.testing.js'
import { type Assignment, type PretendGroup, Refused } from './pretend-group.testing.js'
import type { PretendLog } from './pretend-log.testing.js'

type KafkaJs = ReturnType<KafkaConnection['client']>['kafka']
type Options = Parameters<KafkaJs['consumer']>[0]
type Stock = ReturnType<KafkaJs['consumer']>
type EachBatch = NonNullable<NonNullable<Parameters<Stock['run']>[0]>['eachBatch']>
type Assigner = ReturnType<NonNullable<NonNullable<Options>['partitionAssigners']>[number]> & OwnAssigner

const HEARTBEAT_EVERY_MS = 1_000
const IDLE_MS = 40
const RESTART_MS = 300

/** kafkajs' consumer as ours sees it: one loop that fetches, hands out and beats, joins when it must, and may crash. */
export class PretendConsumer {
  readonly events = {
    GROUP_JOIN: 'join',
    HEARTBEAT: 'heartbeat',
    REQUEST: 'request',
    FETCH: 'fetch',
    STOP: 'stop',
    CRASH: 'crash',
  }
  memberId: string | undefined
  /** How long the answer to the next SyncGroup takes, ms. */
  nextSyncMs = 0
  /** Partitions that kafkajs passes over. */
  readonly pausedOnes = new Set<string>()
  readonly #assigner: Assigner
  readonly #listeners = new Map<string, (event: { payload: unknown }) => void>()
  #topics: string[] = []
  #eachBatch: EachBatch = () => Promise.resolve()
  #generation = -1
  #assignment: Assignment = {}
  readonly #positions = new Map<string, number>()
  readonly #seeks = new Map<string, number>()
  #isCrashing = false
  #isStopped = false
  #isCutOff = false
  #beatAt = 0
  #loop = Promise.resolve()

  constructor(
    private readonly log: PretendLog,
    private readonly group: PretendGroup,
    private readonly chance: Chance,
    options: Options,
    cluster: Cluster,
  ) {
    this.#assigner = options!.partitionAssigners![0]!({ cluster: cluster as never } as never)
  }

  on(event: string, listener: (event: { payload: unknown }) => void): void {
    this.#listeners.set(event, listener)
  }

  async connect(): Promise<void> {}

  subscribe({ topics }: { topics: string[] }): void {
    this.#topics = topics
  }

  async run({ eachBatch }: { eachBatch: EachBatch }): Promise<void> {
    this.#eachBatch = eachBatch
    const joined = this.#join()
    this.#loop = joined.then(() => this.#goRound())
    await joined
  }

  seek({ topic, partition, offset }: { topic: string; partition: number; offset: string }): void {
    this.#seeks.set(`${topic}/${partition}`, Number(offset))
  }

  pause(list: { topic: string; partitions: number[] }[]): void {
    for (const { topic, partitions } of list) for (const one of partitions) this.pausedOnes.add(`${topic}/${one}`)
  }

  resume(list: { topic: string; partitions: number[] }[]): void {
    for (const { topic, partitions } of list) for (const one of partitions) this.pausedOnes.delete(`${topic}/${one}`)
  }

  paused(): { topic: string; partitions: number[] }[] {
    return [...this.pausedOnes].map((name) => {
      const [topic, partition] = name.split('/')
      return { topic: topic!, partitions: [Number(partition)] }
    })
  }

  async disconnect(): Promise<void> {
    this.#isStopped = true
    await this.#loop
    await this.#trip()
    if (this.memberId) this.group.leave(this.memberId)
  }

  /** Its broker died, say: it stops, and starts again as a new member. */
  crash(): void {
    this.#isCrashing = true
  }

  /** Its process was killed, or its network is cut: the group hears no more of it, and it nothing of the group. */
  cutOff(): void {
    this.#isStopped = true
    this.#isCutOff = true
  }

  async #restart(): Promise<void> {
    this.#isCrashing = false
    if (this.memberId) this.group.leave(this.memberId)
    this.memberId = undefined
    this.#emit('stop')
    this.pausedOnes.clear()
    this.#emit('crash', { restart: true, error: new Error('crash') })
    await passed(RESTART_MS)
    await this.#join()
  }

  async #goRound(): Promise<void> {
    while (!this.#isStopped) {
      try {
        if (this.#isCrashing) await this.#restart()
        await this.#heartbeat()
        const hadRecords = await this.#fetch()
        await passed(hadRecords ? this.chance.from(1, 10) : IDLE_MS)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        if (error.type === 'UNKNOWN_MEMBER_ID') this.memberId = undefined
        if (!this.#isStopped) await this.#join()
      }
    }
  }

  async #join(): Promise<void> {
    await this.#assigner.beforeJoin?.()
    while (!this.#isStopped) {
      try {
        return await this.#joinOnce()
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        if (error.type === 'UNKNOWN_MEMBER_ID') this.memberId = undefined
      }
    }
  }

  async #joinOnce(): Promise<void> {
    const topics = this.#topics
    await this.#trip()
    let sentAt = Date.now()
    const { memberId, generation, leaderId, members } = await this.group.join(
      this.memberId,
      this.#assigner.protocol({ topics }).metadata,
    )
    this.memberId = memberId
    await this.#trip()
    this.#emit('request', { apiName: 'JoinGroup', sentAt })
    const isLeader = leaderId === memberId
    const shares = isLeader ? await this.#assigner.assign({ members, topics } as never) : undefined
    sentAt = Date.now()
    this.#assignment = await this.group.sync(memberId, generation, shares)
    await passed(this.nextSyncMs)
    this.nextSyncMs = 0
    await this.#trip()
    this.#emit('request', { apiName: 'SyncGroup', sentAt })
    this.#begin(generation)
  }

  #begin(generation: number): void {
    this.#generation = generation
    this.#positions.clear()
    this.#seeks.clear()
    for (const { topic, partition, name } of this.#assigned()) {
      this.#positions.set(name, this.log.committedOffset(topic, partition))
    }
    this.#beatAt = Date.now()
    this.group.began(this.memberId!)
    this.#emit('join', { memberId: this.memberId, generationId: generation, memberAssignment: this.#assignment })
  }

  async #heartbeat(): Promise<void> {
    if (Date.now() - this.#beatAt < HEARTBEAT_EVERY_MS) return
    const sentAt = Date.now()
    this.#beatAt = sentAt
    await this.#trip()
    try {
      this.group.heartbeat(this.memberId!, this.#generation)
    } finally {
      this.#emit('request', { apiName: 'Heartbeat', sentAt })
    }
    this.#emit('heartbeat')
  }

  /** @returns whether there were records */
  async #fetch(): Promise<boolean> {
    for (const [name, offset] of this.#seeks) if (this.#positions.has(name)) this.#positions.set(name, offset)
    this.#seeks.clear()
    const fetched = this.#assigned().flatMap(({ topic, partition, name }) => {
      if (this.pausedOnes.has(name)) return []
      const position = this.#positions.get(name)!
      const records = this.log.read(topic, partition, position, position + this.chance.from(1, 40))
      if (records.length === 0) return []
      return [{ name, batch: new FetchedBatch(topic, partition, position, this.log.end(topic, partition), records) }]
    })
    await this.#trip()
    this.#emit('fetch')
    for (const { name, batch } of fetched) {
      if (this.pausedOnes.has(name) || this.#seeks.has(name)) continue
      const resolveOffset = (offset: string) => void this.#positions.set(name, Number(offset) + 1)
      await this.#eachBatch({ batch, heartbeat: () => this.#heartbeat(), resolveOffset } as never)
      await this.#heartbeat()
    }
    return fetched.length > 0
  }

  #assigned(): { topic: string; partition: number; name: string }[] {
    return Object.entries(this.#assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition, name: `${topic}/${partition}` })),
    )
  }

  /** To the broker or back. */
  async #trip(): Promise<void> {
    await passed(this.chance.from(1, 15))
    if (this.#isCutOff) await never()
  }

  #emit(event: string, payload: unknown = {}): void {
    this.#listeners.get(event)?.({ payload })
  }
}
