import { afterAll, describe, expect, inject, it } from 'vitest'
import { eventually } from '../testing/eventually.testing.js'
import { JOIN_GROUP, KafkaProxy, SYNC_GROUP } from '../testing/kafka-proxy.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'
import { Victim } from '../testing/victim-process.testing.js'
import type { ConsumerHooks } from './consumer-options.js'
import { type TopicPartition, partitionName } from '../topic-partition.js'
import type { BatchHandler } from './patient-handler.js'
import type { RecordBatch } from './record-batch.js'

const brokers = inject('kafkaBrokers')
const kafka = new TestKafka(brokers)
const producer = kafka.producer()

afterAll(() => kafka.close())

/** A member of the group that remembers what it holds, as the hooks tell it. */
function aMember(
  topics: string[],
  groupId: string,
  onBatch: BatchHandler = () => undefined,
  heartbeatIntervalMs = 200,
  through = kafka,
) {
  const held = new Set<string>()
  const change = (add: boolean) => (partitions: TopicPartition[]) => {
    for (const { topic, partition } of partitions) held[add ? 'add' : 'delete'](partitionName({ topic, partition }))
  }
  const consumer = through.consumer({ topics, groupId, settings: { heartbeatIntervalMs } }, onBatch, {
    onAssigned: change(true),
    onLost: change(false),
  })
  return { consumer, held, indexesOf: (topic: string) => indexes(held, topic) }
}

function indexes(held: Set<string>, topic: string): number[] {
  const own = [...held].filter((name) => name.startsWith(`${topic}/`))
  return own.map((name) => Number(name.slice(topic.length + 1))).sort((a, b) => a - b)
}

describe('a rebalance', () => {
  it('gives the same indexes of all topics to one member, with two and three of them, and moves few', async () => {
    const topics = [await kafka.topic(6), await kafka.topic(6), await kafka.topic(6)]
    const groupId = `group-${topics[0]}`
    const members = [aMember(topics, groupId), aMember(topics, groupId), aMember(topics, groupId)]
    const areSettled = (count: number) => {
      const sizes = members.slice(0, count).map(({ held }) => held.size)
      return sizes.every((size) => size === 18 / count) && members.slice(count).every(({ held }) => held.size === 0)
    }
    const expectTogether = () => {
      for (const { indexesOf } of members)
        expect(topics.map(indexesOf)).toEqual(topics.map(() => indexesOf(topics[0]!)))
    }
    await members[0]!.consumer.start()
    await members[1]!.consumer.start()
    await eventually('two members share', () => areSettled(2))
    expectTogether()
    const before = members.map(({ indexesOf }) => indexesOf(topics[0]!))
    await members[2]!.consumer.start()
    await eventually('three members share', () => areSettled(3))
    expectTogether()
    for (const i of [0, 1]) {
      expect(before[i]).toEqual(expect.arrayContaining(members[i]!.indexesOf(topics[0]!)))
    }
    await members[2]!.consumer.close()
    await eventually('two members share again', () => members[0]!.held.size + members[1]!.held.size === 18)
    expectTogether()
  })

  it('loses nothing when a member joins and leaves under load, and repeats little', async () => {
    const topic = await kafka.topic(4)
    const groupId = `group-${topic}`
    const seen = new Map<string, number>()
    let open = 0
    const handle = (batch: RecordBatch) => {
      for (const record of batch.records) {
        const value = String(record.value)
        open++
        setTimeout(() => {
          open--
          // What was lost meanwhile is left to the new owner, as the dispatcher does with what it has not begun.
          if (!batch.isOwned()) return
          seen.set(value, (seen.get(value) ?? 0) + 1)
          batch.complete(record)
        }, Math.random() * 30)
      }
    }
    const first = aMember([topic], groupId, handle)
    await first.consumer.start()
    let sent = 0
    let isLoading = true
    const load = (async () => {
      while (isLoading) {
        const records = Array.from({ length: 20 }, () => ({ topic, key: `key ${sent % 50}`, value: String(sent++) }))
        await producer.send(records)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })()
    await eventually('load flows', () => seen.size > 200)
    const second = aMember([topic], groupId, handle)
    await second.consumer.start()
    await eventually('both work', () => first.held.size === 2 && second.held.size === 2)
    const atSharing = seen.size
    await eventually('load flows through both', () => seen.size > atSharing + 500)
    await second.consumer.close()
    await eventually('one has all again', () => first.held.size === 4)
    isLoading = false
    await load
    await eventually('every record is seen', () => seen.size === sent && open === 0)
    await eventually('every offset is committed', async () => {
      const bounds = await kafka.admin.endOffsets(topic)
      const committed = await Promise.all(bounds.map(({ partition }) => kafka.committed(groupId, topic, partition)))
      return bounds.every(({ end, partition }) => committed[partition] === end)
    })
    const repeats = [...seen.values()].reduce((sum, times) => sum + times - 1, 0)
    // At most what was completed since the last commit (250 ms) or under way, at two hand-overs of half the load.
    expect(repeats).toBeLessThan(sent * 0.2)
  })

  it('repeats nothing that is completed before it joins again', async () => {
    const topic = await kafka.topic(4)
    const groupId = `group-${topic}`
    const seen: string[] = []
    const underWay = new Set<Promise<void>>()
    const waiting: (() => void)[] = []
    let isHandingOver = false
    let handOvers = 0
    const work = (batch: RecordBatch) => () => {
      for (const record of batch.records) {
        if (!batch.isHeld()) continue
        const working = new Promise<void>((resolve) => setTimeout(resolve, 50)).then(() => {
          seen.push(String(record.value))
          batch.complete(record)
        })
        underWay.add(working)
        void working.finally(() => underWay.delete(working))
      }
    }
    const hooks: Partial<ConsumerHooks> = {
      beforeRejoin: async () => {
        isHandingOver = true
        handOvers += underWay.size > 0 ? 1 : 0
        while (underWay.size > 0) await Promise.all(underWay)
      },
      onJoined: () => {
        isHandingOver = false
        for (const begin of waiting.splice(0)) begin()
      },
    }
    const member = (own: Partial<ConsumerHooks>, handle: BatchHandler) =>
      kafka.consumer({ topics: [topic], groupId, settings: { heartbeatIntervalMs: 200 } }, handle, own)
    await member(hooks, (batch) => void (isHandingOver ? waiting.push(work(batch)) : work(batch)())).start()
    let sent = 0
    let isLoading = true
    const load = (async () => {
      while (isLoading) {
        await producer.send([0, 1, 2, 3].map((partition) => ({ topic, partition, key: 'k', value: String(sent++) })))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    await eventually('load flows', () => seen.length > 200)
    const others: string[] = []
    const second = member({}, (batch) => {
      for (const { value } of batch.records) others.push(String(value))
      batch.completeAll()
    })
    await second.start()
    await eventually('load flows through both', () => others.length > 200)
    isLoading = false
    await load
    await eventually('every record is seen', () => new Set([...seen, ...others]).size === sent)
    expect(handOvers).toBe(1)
    expect(seen.length + others.length).toBe(sent)
  })

  it('commits what becomes complete while it waits for a member that was killed', async () => {
    const topic = await kafka.topic(2)
    const groupId = `group-${topic}`
    const batches: RecordBatch[] = []
    let joins = 0
    let held = 0
    const member = kafka.consumer(
      { topics: [topic], groupId, settings: { heartbeatIntervalMs: 200 } },
      (batch) => void batches.push(batch),
      {
        onJoined: () => joins++,
        onAssigned: (partitions) => void (held += partitions.length),
        onLost: (partitions) => void (held -= partitions.length),
      },
    )
    await member.start()
    const victim = new Victim({ brokers, topic, groupId, trackBeyondMark: true, slowEvery: 1 })
    try {
      await eventually('they share', () => held === 1)
      await producer.send([0, 1].map((partition) => ({ topic, partition, key: 'k', value: 'v' })))
      await eventually('both work', () => batches.length === 1 && victim.handedOut.length === 1)
    } finally {
      await victim.kill9()
    }
    const joinsBefore = joins
    const newcomer = kafka.consumer({ topics: [topic], groupId }, () => undefined)
    void newcomer.start()
    await eventually('the member has asked to join, and waits', () => member.heartbeatAgeMs() > 800)

    const [batch] = batches as [RecordBatch]
    batch.completeAll()

    await eventually('it is committed', async () => (await kafka.committed(groupId, topic, batch.partition)) === 1)
    expect(joins).toBe(joinsBefore)
  })

  it('ignores completions of a lost partition: the new owner gets its records', async () => {
    const topic = await kafka.topic(2)
    const groupId = `group-${topic}`
    const batches: RecordBatch[] = []
    const first = aMember([topic], groupId, (batch) => void batches.push(batch))
    await first.consumer.start()
    await producer.send([0, 1].map((partition) => ({ topic, partition, key: 'k', value: 'v' })))
    await eventually('both are under way', () => batches.length === 2)
    const taken: RecordBatch[] = []
    const second = aMember([topic], groupId, (batch) => void taken.push(batch))
    await second.consumer.start()
    await eventually('one has moved', () => first.held.size === 1 && taken.length === 1)
    const moved = batches.find(({ partition }) => partition === taken[0]!.partition)!
    const kept = batches.find(({ partition }) => partition !== taken[0]!.partition)!
    expect([moved.isHeld(), moved.isOwned(), kept.isHeld(), kept.isOwned()]).toEqual([false, false, true, true])
    moved.completeAll()
    kept.completeAll()
    await eventually(
      'the kept one is committed',
      async () => (await kafka.committed(groupId, topic, kept.partition)) === 1,
    )
    expect(await kafka.committed(groupId, topic, moved.partition)).toBe(0)
    expect(batches).toHaveLength(2)
    taken[0]!.completeAll()
    await eventually(
      'the moved one is committed',
      async () => (await kafka.committed(groupId, topic, moved.partition)) === 1,
    )
  })

  it('lets go of a handler that takes long, whatever else was fetched, and hands out no batch twice', async () => {
    const topic = await kafka.topic(8)
    const groupId = `group-${topic}`
    await producer.send(Array.from({ length: 8 }, (_, partition) => ({ topic, partition, key: 'k', value: 'v' })))
    const calls: string[] = []
    let release: () => void = () => undefined
    const blocked = new Promise<void>((resolve) => (release = resolve))
    const handle = (isFirst: boolean) => async (batch: RecordBatch) => {
      calls.push(partitionName({ topic, partition: batch.partition }))
      if (isFirst && calls.length === 1) await blocked
      if (batch.isOwned()) batch.completeAll()
    }
    const first = aMember([topic], groupId, handle(true), 1_000)
    await first.consumer.start()
    await eventually('the handler is busy', () => calls.length === 1)
    const second = aMember([topic], groupId, handle(false), 1_000)
    const started = Date.now()
    await second.consumer.start()
    await eventually('the group has shared', () => first.held.size === 4 && second.held.size === 4)
    // One heartbeat (1 s) notices the rebalance, and the seven other batches of the fetch do not each wait for another.
    expect(Date.now() - started).toBeLessThan(5_000)
    release()
    await eventually('all is committed', async () => {
      const offsets = await kafka.admin.committed(groupId, [topic])
      return offsets.length === 8 && offsets.every(({ offset }) => offset === 1)
    })
    const repeated = calls.filter((name, i) => calls.indexOf(name) !== i)
    // Only the one that was under way may come again, if its partition went to the second.
    expect(repeated.filter((name) => name !== calls[0])).toEqual([])
  })
})

describe('a join whose answer is lost', () => {
  /** A member that is alone in its group, with a connection that may lose answers. */
  async function aloneBehindProxy() {
    const proxy = await KafkaProxy.start(brokers)
    const through = new TestKafka(proxy.brokers)
    const topic = await kafka.topic(4)
    const groupId = `group-${topic}`
    const completeAll = (batch: RecordBatch) => batch.completeAll()
    const member = aMember([topic], groupId, completeAll, 200, through)
    await member.consumer.start()
    await eventually('it has all', () => member.held.size === 4)
    const stop = async () => {
      await through.close()
      await proxy.stop()
    }
    return { proxy, topic, groupId, member, stop }
  }

  it('is asked for again, and until then nothing counts as held', async () => {
    const { proxy, topic, groupId, member, stop } = await aloneBehindProxy()
    try {
      proxy.loses.set(SYNC_GROUP, 1)
      const second = aMember([topic], groupId)
      await second.consumer.start()
      await eventually('both know their share', () => second.held.size === 2 && member.held.size === 2)
      expect(proxy.loses.get(SYNC_GROUP)).toBe(0)
      expect(member.consumer.heartbeatAgeMs()).toBeLessThan(5_000)
    } finally {
      await stop()
    }
  })

  it('of a member that the group does not know any more is asked for again as well', async () => {
    const { proxy, topic, groupId, member, stop } = await aloneBehindProxy()
    try {
      proxy.loses.set(JOIN_GROUP, 1)
      await kafka.expelMembers(groupId)
      await eventually('the answer is lost', () => proxy.loses.get(JOIN_GROUP) === 0)
      await producer.send([{ topic, partition: 0, key: 'k', value: 'v' }])

      await eventually('it is committed', async () => (await kafka.committed(groupId, topic, 0)) === 1)
      expect(member.held.size).toBe(4)
    } finally {
      await stop()
    }
  })
})
