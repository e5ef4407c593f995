import { randomUUID } from 'node:crypto'
import { type ConsumedRecord, DecoupledConsumer, KafkaConnection, TopicAdmin } from '#kafka'
import { eventually } from './eventually.js'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export function connectForTest(brokers: string): KafkaConnection {
  return new KafkaConnection({ brokers: brokers.split(','), clientId: `test-${randomUUID()}` }, silent)
}

/** Every record that the topics hold now, read with a consumer group of its own. */
export async function readTopics(brokers: string, topics: string[]): Promise<ConsumedRecord[]> {
  const connection = connectForTest(brokers)
  const admin = new TopicAdmin(connection)
  const bounds = (await Promise.all(topics.map((topic) => admin.endOffsets(topic)))).flat()
  const expected = bounds.reduce((sum, { first, end }) => sum + end - first, 0)
  const records: ConsumedRecord[] = []
  const consumer = new DecoupledConsumer(
    connection,
    { groupId: `test-${randomUUID()}`, topics, assignment: 'spread', trackBeyondMark: false },
    (batch) => {
      records.push(...batch.records)
      batch.completeAll()
    },
    {
      onFatal: (error) => {
        throw error
      },
    },
  )
  try {
    await consumer.start()
    await eventually(() => {
      if (records.length < expected) throw new Error(`read ${records.length} of ${expected} records`)
    })
  } finally {
    await consumer.close()
    await admin.close()
  }
  return records
}

/** As an operator or a broker's loss does it; their members must have left. */
export async function deleteGroups(brokers: string, groupIds: string[]): Promise<void> {
  const { kafka, end } = connectForTest(brokers).client(10_000)
  const admin = kafka.admin()
  await admin.connect()
  await admin.deleteGroups(groupIds)
  await admin.disconnect()
  end()
}
