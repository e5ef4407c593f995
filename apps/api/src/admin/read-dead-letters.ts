import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConsumedRecord, DecoupledConsumer, TopicAdmin } from '#kafka'
import type { KafkaAccess } from './with-kafka.js'

/** How long the log may stay silent before a command gives up. Ms. */
const SILENCE_MS = 20_000

/**
 * Reads all dead letters that there are now, in no particular order, and hands them over in batches. Reading takes
 * nothing away: it is done by a group of its own, which commits where it began and is forgotten by the broker in days.
 */
export async function readDeadLetters(
  access: KafkaAccess,
  onRecords: (records: ConsumedRecord[]) => void | Promise<void>,
): Promise<void> {
  const topic = access.topics.deadLetter
  const ends = await endsOf(access, topic)
  if (ends.size === 0) return
  let failure: unknown
  let heardAt = Date.now()
  const groupId = `${access.config.topics.prefix}admin-${randomBytes(6).toString('hex')}`
  const consumer = new DecoupledConsumer(
    access.connection,
    { groupId, topics: [topic], assignment: 'spread', trackBeyondMark: false },
    async ({ partition, records }) => {
      const end = ends.get(partition) ?? 0
      await onRecords(records.filter(({ offset }) => offset < end))
      heardAt = Date.now()
      if ((records.at(-1)?.offset ?? -1) + 1 >= end) ends.delete(partition)
    },
    { onFatal: (error) => (failure = error), onHandlerFailed: (error) => (failure = error) },
  )
  try {
    await consumer.start()
    while (ends.size > 0) {
      if (failure) throw failure
      if (Date.now() - heardAt > SILENCE_MS) throw new Error(`nothing came from ${topic} for ${SILENCE_MS / 1_000} s`)
      await sleep(50)
    }
  } finally {
    await consumer.close()
  }
}

/** Partition -> the offset after its last record, for the partitions that hold any. */
async function endsOf(access: KafkaAccess, topic: string): Promise<Map<number, number>> {
  const admin = new TopicAdmin(access.connection)
  try {
    const bounds = await admin.endOffsets(topic)
    return new Map(bounds.filter(({ first, end }) => end > first).map(({ partition, end }) => [partition, end]))
  } finally {
    await admin.close()
  }
}
