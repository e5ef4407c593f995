import { type Broker, type Encoder, KafkaJsEncoder, produceResponse } from '../client/kafkajs.js'

/** One partition's encoded record batch. */
export interface EncodedBatch {
  topic: string
  partition: number
  bytes: Buffer
}

interface ProduceAnswer {
  topics: { topicName: string; partitions: { partition: number; errorCode: number }[] }[]
}

const PRODUCE = 0
/** Understood by every broker since 2.1 and by 4.x. */
const VERSION = 7
const ALL_REPLICAS = -1

/**
 * Writes the batches on the broker that leads their partitions, acknowledged by all replicas in sync.
 * Gives the broker's error code per batch, 0 for success; rejects when there was no answer.
 */
export async function produce(
  broker: Broker,
  batches: EncodedBatch[],
  timeoutMs: number,
): Promise<Map<EncodedBatch, number>> {
  const answer = (await broker.connectionPool.send({
    request: {
      apiKey: PRODUCE,
      apiVersion: VERSION,
      apiName: 'Produce',
      encode: () => Promise.resolve(encode(batches, timeoutMs)),
    },
    // kafkajs' own parse() throws on the first code and hides how the other partitions fared.
    response: { decode: produceResponse.decode, parse: (decoded) => Promise.resolve(decoded) },
  })) as ProduceAnswer
  const codes = new Map<EncodedBatch, number>()
  for (const { topicName, partitions } of answer.topics) {
    for (const { partition, errorCode } of partitions) {
      const batch = batches.find((sent) => sent.topic === topicName && sent.partition === partition)
      if (batch) codes.set(batch, errorCode)
    }
  }
  if (codes.size < batches.length) throw new Error('the broker answered a produce request without all its partitions')
  return codes
}

function encode(batches: EncodedBatch[], timeoutMs: number): Encoder {
  const byTopic = groupByTopic(batches)
  const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length + batch.topic.length * 4 + 16, 32)
  const body = new KafkaJsEncoder(bytes)
  body.writeString(null).writeInt16(ALL_REPLICAS).writeInt32(timeoutMs).writeInt32(byTopic.size)
  for (const [topic, partitions] of byTopic) {
    body.writeString(topic).writeInt32(partitions.length)
    for (const { partition, bytes } of partitions) body.writeInt32(partition).writeBytes(bytes)
  }
  return body
}

function groupByTopic(batches: EncodedBatch[]): Map<string, EncodedBatch[]> {
  const groups = new Map<string, EncodedBatch[]>()
  for (const batch of batches) {
    const group = groups.get(batch.topic)
    if (group) group.push(batch)
    else groups.set(batch.topic, [batch])
  }
  return groups
}
