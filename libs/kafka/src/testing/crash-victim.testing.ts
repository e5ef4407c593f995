import { KafkaConnection } from '../kafka-connection.js'
import { DecoupledConsumer } from '../consumer/decoupled-consumer.js'

/** What the victim of a kill is told. */
export interface VictimOrders {
  brokers: string
  topic: string
  groupId: string
  trackBeyondMark: boolean
  /** Every so many offsets one is slow: never completed in this life. */
  slowEvery: number
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** Consumes until it is killed, and tells its parent of every record: `+3:17` handed out, `-3:17` completed. */
export async function consumeUntilKilled(orders: VictimOrders): Promise<void> {
  const { brokers, topic, groupId, trackBeyondMark, slowEvery } = orders
  const connection = new KafkaConnection({ brokers: brokers.split(','), clientId: 'victim' }, silent)
  const consumer = new DecoupledConsumer(
    connection,
    {
      groupId,
      topics: [topic],
      assignment: 'together',
      trackBeyondMark,
      settings: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 },
    },
    (batch) => {
      for (const record of batch.records) {
        const name = `${record.partition}:${record.offset}`
        process.stdout.write(`+${name}\n`)
        if (slowEvery > 0 && record.offset % slowEvery === 0) continue
        setTimeout(() => {
          process.stdout.write(`-${name}\n`)
          batch.complete(record)
        }, Math.random() * 40)
      }
    },
    { onFatal: () => process.exit(1) },
  )
  await consumer.start()
}
