import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partitionOfKey } from '../codec/murmur2.js'
import { bytesOf, queuedRecord, type QueuedRecord } from './outgoing-record.js'
import { PendingSend } from './pending-send.js'
import { ProduceFailed } from './produce-failed.js'
import { RecordQueue } from './record-queue.js'

function aSend(): PendingSend {
  const send = new PendingSend(1, Infinity, () => undefined)
  send.promise.catch(() => undefined)
  return send
}

function aRecord({ topic = 't', partition = 0, bytes = 10, send = aSend() } = {}): QueuedRecord {
  return queuedRecord({ topic, partition, key: 'k', value: 'v'.repeat(bytes) }, send)
}

function aQueue(records: QueuedRecord[] = []): RecordQueue {
  const queue = new RecordQueue()
  queue.learnCount('t', 4)
  for (const record of records) queue.add(record)
  return queue
}

const nothing = new Set<string>()

describe('RecordQueue', () => {
  it('gives every record once, in order per partition, and no batch beyond its bound', () => {
    const record = fc.record({ partition: fc.nat(3), bytes: fc.integer({ min: 1, max: 300 }) })
    fc.assert(
      fc.property(fc.array(record, { maxLength: 200 }), fc.integer({ min: 350, max: 2_000 }), (some, bound) => {
        const records = some.map(aRecord)
        const queue = aQueue(records)
        const taken: QueuedRecord[] = []
        while (!queue.isEmpty) {
          const chunks = queue.take(bound, 3_000, nothing)
          expect(new Set(chunks.map(({ partition }) => partition)).size).toBe(chunks.length)
          for (const chunk of chunks) {
            expect(chunk.records.reduce((sum, one) => sum + bytesOf(one), 0)).toBeLessThanOrEqual(bound)
            taken.push(...chunk.records)
          }
        }
        for (let partition = 0; partition < 4; partition++) {
          const of = (list: QueuedRecord[]) => list.filter((one) => one.partition === partition)
          expect(of(taken)).toEqual(of(records))
        }
        for (const one of taken) queue.release(one)
        expect(queue.bytes).toBe(0)
      }),
    )
  })

  it('places a record where its key belongs, and one without a key in its turn', () => {
    const queue = aQueue(
      ['whk_1', 'whk_2', 'whk_3', null, null].map((key) => queuedRecord({ topic: 't', key, value: 'v' }, aSend())),
    )
    const places = new Map(
      queue
        .take(1_000, 10_000, nothing)
        .flatMap(({ partition, records }) => records.map((record) => [record, partition] as const)),
    )
    const keyed = [...places].filter(([{ key }]) => key)
    expect(keyed).toHaveLength(3)
    for (const [{ key }, partition] of keyed) expect(partition).toBe(partitionOfKey(key!, 4))
    const keyless = [...places].filter(([{ key }]) => !key).map(([, partition]) => partition)
    expect(new Set(keyless).size).toBe(2)
  })

  it('leaves alone the partitions whose earlier batch is not settled', () => {
    const queue = aQueue([aRecord({ partition: 1 }), aRecord({ partition: 2 })])
    expect(queue.take(1_000, 1_000, new Set(['t/1'])).map(({ partition }) => partition)).toEqual([2])
    expect(queue.take(1_000, 1_000, nothing).map(({ partition }) => partition)).toEqual([1])
  })

  it('keeps records of an unknown topic until its partitions are known', () => {
    const queue = new RecordQueue()
    queue.add(queuedRecord({ topic: 'new', key: 'k', value: 'v' }, aSend()))
    expect(queue.take(1_000, 1_000, nothing)).toEqual([])
    expect(queue.unplacedTopics()).toEqual(['new'])
    queue.learnCount('new', 1)
    expect(queue.take(1_000, 1_000, nothing)).toHaveLength(1)
  })

  it('sends the records of a refused batch one by one, before all that came later', () => {
    const records = [1, 2, 3].map((bytes) => aRecord({ bytes }))
    const queue = aQueue(records)
    const [chunk] = queue.take(1_000, 1_000, nothing)
    queue.add(aRecord({ bytes: 4 }))
    queue.add(aRecord({ bytes: 5 }))
    queue.putBackAlone(chunk!)
    const sizes: number[][] = []
    while (!queue.isEmpty) {
      const [next] = queue.take(1_000, 1_000, nothing)
      sizes.push(next!.records.map(({ value }) => value!.length))
    }
    expect(sizes).toEqual([[1], [2], [3], [4, 5]])
  })

  it('gives nothing that nobody waits for any more, and frees its room', () => {
    const expired = aSend()
    const queue = aQueue([
      aRecord({ send: expired }),
      aRecord({ partition: 1 }),
      aRecord({ partition: 1, send: expired }),
    ])
    expired.fail(new ProduceFailed('timed_out', 'too late'))
    const chunks = queue.take(1_000, 1_000, nothing)
    expect(chunks.map(({ partition, records }) => [partition, records.length])).toEqual([[1, 1]])
    expect([queue.isEmpty, queue.bytes]).toEqual([true, bytesOf(chunks[0]!.records[0]!)])
  })

  it('frees the room of what nobody waits for any more', () => {
    const expired = aSend()
    const queue = aQueue([aRecord({ send: expired }), aRecord({ send: expired, partition: 1 }), aRecord()])
    queue.add(queuedRecord({ topic: 'unknown', key: 'k', value: 'v' }, expired))
    expired.fail(new ProduceFailed('timed_out', 'too late'))
    queue.dropSettled()
    expect(queue.unplacedTopics()).toEqual([])
    const chunks = queue.take(1_000, 1_000, nothing)
    expect(chunks.flatMap(({ records }) => records)).toHaveLength(1)
    expect(queue.bytes).toBe(bytesOf(chunks[0]!.records[0]!))
  })
})
