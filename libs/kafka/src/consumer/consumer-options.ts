import type { ConsumerConfig, PartitionAssigner } from 'kafkajs'
import type { OnAssigned } from './assignment-start.js'
import type { ConsumerSettings } from './consumer-settings.js'
import type { TopicPartition } from '../topic-partition.js'
import type { RecordBatch } from './record-batch.js'
import type { Assignment } from './sticky-assigner.js'

export interface DecoupledConsumerOptions {
  groupId: string
  /** Fixed while the consumer lives. All must exist, or start() goes on trying. */
  topics: string[]
  /** For as long as it takes; otherwise a start that has not come to anything for two minutes is fatal. */
  waitsForTopics?: boolean
  /**
   * Topics among them whose records are in no hurry. While others keep coming these are asked for 20 times a second only, so
   * that they take no turn from them; while nothing comes they are as quick as any.
   */
  patientTopics?: readonly string[]
  assignment: Assignment
  /** Completed offsets beyond the contiguous mark travel in the commit's metadata, so that a crash repeats little. */
  trackBeyondMark: boolean
  /** Times and sizes; the defaults are measured and fit production. */
  settings?: Partial<ConsumerSettings>
}

export interface ConsumerHooks {
  /**
   * Partitions are ours from now on; called after their offsets were read and before any of their records come, which
   * wait for a returned promise. `withUnknownPast`: those among them that hold records of which the group does not
   * know what is done: it is new, or its offsets were lost, and nobody has gone through what was there then.
   */
  onAssigned?: OnAssigned
  /** Partitions are no longer ours: drop what is queued of them. `epoch` is the one that begins now. */
  onLost?(partitions: TopicPartition[], epoch: number): void
  /**
   * The group shares out anew, and we are about to join: begin nothing until `onJoined`, and resolve when nothing is
   * under way, or soon. What is complete then is committed; what is not will be done again if its partition goes.
   */
  beforeRejoin?(): Promise<void>
  /**
   * Joined; what was lost has been told. Also after the first join, and when we fell out of the group meanwhile. To
   * throw here is fatal.
   */
  onJoined?(): void
  /** The handler threw or rejected; it is called again with the same batch as long as the partition is held. */
  onHandlerFailed?(error: unknown, batch: RecordBatch): void
  /** The consumer is dead and will not recover: end the process. */
  onFatal(error: Error): void
}

/** kafkajs must never give up by itself; its pauses stay short so that it is back soon after the broker. */
const ENDLESS = { retries: 1e6, initialRetryTime: 100, maxRetryTime: 1_000 }

/** kafkajs' own options; `mayRestart` decides after a crash whether it joins again. */
export function kafkaJsOptions(
  groupId: string,
  assigner: PartitionAssigner,
  settings: ConsumerSettings,
  mayRestart: () => boolean,
): ConsumerConfig {
  return {
    groupId,
    partitionAssigners: [assigner],
    sessionTimeout: settings.sessionTimeoutMs,
    heartbeatInterval: settings.heartbeatIntervalMs,
    rebalanceTimeout: settings.rebalanceTimeoutMs,
    maxWaitTimeInMs: settings.maxWaitMs,
    minBytes: 1,
    maxBytesPerPartition: settings.maxBytesPerPartition,
    maxBytes: settings.maxBytes,
    allowAutoTopicCreation: false,
    retry: { ...ENDLESS, restartOnFailure: () => Promise.resolve(mayRestart()) },
  }
}
