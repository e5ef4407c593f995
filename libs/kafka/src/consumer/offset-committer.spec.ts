import { describe, expect, it, vi } from 'vitest'
import type { Broker } from '../client/kafkajs.js'
import { decodeCompletedBeyond, readPast } from './commit-metadata.js'
import { HeldPartitions } from './held-partitions.js'
import { OffsetCommitter } from './offset-committer.js'
import { OffsetTracker } from './offset-tracker.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const LONG_MS = 31_000

type CommitRequest = Parameters<Broker['offsetCommit']>[0]

function setUp() {
  const held = new HeldPartitions()
  const requests: CommitRequest[] = []
  const answer = { failure: undefined as Error | undefined, wait: Promise.resolve() }
  const coordinator = {
    offsetCommit: async (request: CommitRequest) => {
      requests.push(request)
      await answer.wait
      if (answer.failure) throw answer.failure
    },
  } as unknown as Broker
  const asked = { ask: <T>(question: (broker: Broker) => Promise<T>) => question(coordinator) }
  const told: string[] = []
  const tell = (_: object, message: string) => void told.push(message)
  const committer = new OffsetCommitter(held, 'g', asked, true, { ...silent, warn: tell, info: tell })
  return { held, requests, answer, asked, committer, told }
}

function hold(held: HeldPartitions, generationId: number, partitions: number[]): void {
  for (const holding of held.join({ memberId: 'me', generationId }, { t: partitions }).gained) {
    holding.tracker = new OffsetTracker(0)
  }
}

function complete(held: HeldPartitions, partition: number, offsets: number[]): void {
  const tracker = held.get('t', partition)!.tracker!
  const newest = Math.max(...offsets)
  for (let offset = tracker.next; offset <= newest; offset++) tracker.deliver(offset)
  for (const offset of offsets) tracker.complete(offset)
}

describe('OffsetCommitter', () => {
  it('commits mark and metadata of what has changed, under the generation that holds it', async () => {
    const { held, requests, committer } = setUp()
    hold(held, 7, [0, 1])
    await committer.commit()
    complete(held, 1, [0, 1, 4])
    await committer.commit()
    await committer.commit()
    expect(requests).toHaveLength(2)
    expect(requests[1]).toMatchObject({ groupId: 'g', memberId: 'me', groupGenerationId: 7 })
    const [{ topic, partitions }] = requests[1]!.topics as [CommitRequest['topics'][number]]
    expect([topic, partitions[0]!.partition, partitions[0]!.offset]).toEqual(['t', 1, '2'])
    expect(decodeCompletedBeyond(2, partitions[0]!.metadata)).toEqual([{ from: 4, to: 5 }])
  })

  it('says once that nothing can be committed when it lasts, and once that it is over', async () => {
    vi.useFakeTimers()
    try {
      const { held, answer, committer, told } = setUp()
      hold(held, 7, [0])
      answer.failure = new Error('refused')
      await committer.commit()
      expect(told).toEqual([])
      vi.advanceTimersByTime(LONG_MS)
      await committer.commit()
      await committer.commit()
      expect(told).toEqual([expect.stringContaining('offsets cannot be committed')])
      answer.failure = undefined
      await committer.commit()
      expect(told.slice(1)).toEqual(['offsets are committed again'])
    } finally {
      vi.useRealTimers()
    }
  })

  it('tells when it cannot name all that is complete, and when it can again', async () => {
    const { held, committer } = setUp()
    hold(held, 7, [0])
    const everySecond = Array.from({ length: 13_000 }, (_, i) => 1 + 2 * i)
    complete(held, 0, everySecond)
    await committer.commit()
    expect(held.get('t', 0)!.isNamed).toBe(false)
    for (let offset = 0; offset < 10_000; offset += 2) held.get('t', 0)!.tracker!.complete(offset)
    await committer.commit()
    expect(held.get('t', 0)!.isNamed).toBe(true)
  })

  it('commits again what failed', async () => {
    const { held, requests, answer, committer } = setUp()
    hold(held, 7, [0])
    complete(held, 0, [0])
    answer.failure = new Error('rebalance in progress')
    expect(await committer.commit()).toBe(false)
    answer.failure = undefined
    expect(await committer.commit()).toBe(true)
    expect(requests.map(({ topics }) => topics[0]!.partitions[0]!.offset)).toEqual(['1', '1'])
  })

  it('commits what was completed while an earlier commit was under way', async () => {
    const { held, requests, answer, committer } = setUp()
    hold(held, 7, [0])
    complete(held, 0, [0])
    let release: () => void = () => undefined
    answer.wait = new Promise((resolve) => (release = resolve))
    const first = committer.commit()
    await Promise.resolve()
    complete(held, 0, [1])
    release()
    await first
    await committer.commit()
    expect(requests.map(({ topics }) => topics[0]!.partitions[0]!.offset)).toEqual(['1', '2'])
  })

  it('asks for one commit at a time: the next waits for its answer, and the timer for the next time', async () => {
    const { held, requests, answer, committer } = setUp()
    hold(held, 7, [0])
    complete(held, 0, [0])
    let release: () => void = () => undefined
    answer.wait = new Promise((resolve) => (release = resolve))
    const first = committer.commit()
    await Promise.resolve()
    complete(held, 0, [1])
    committer.commitIfIdle()
    const second = committer.commit()
    await new Promise((resolve) => setImmediate(resolve))
    expect(requests).toHaveLength(1)
    release()
    expect(await Promise.all([first, second])).toEqual([true, true])
    expect(requests.map(({ topics }) => topics[0]!.partitions[0]!.offset)).toEqual(['1', '2'])
  })

  it('names no partition that was lost', async () => {
    const { held, requests, committer } = setUp()
    hold(held, 7, [0, 1])
    complete(held, 0, [0])
    complete(held, 1, [0])
    held.join({ memberId: 'me', generationId: 8 }, { t: [1] })
    await committer.commit()
    expect(requests).toHaveLength(1)
    expect(requests[0]!.topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition))).toEqual([1])
    held.leave()
    await committer.commit()
    expect(requests).toHaveLength(1)
  })

  it('tells the next owner of a past that nobody knows, until all of it is complete', async () => {
    const { held, requests, committer } = setUp()
    hold(held, 7, [0])
    held.get('t', 0)!.pastEnd = 3
    for (const offsets of [[0, 2], [1]]) {
      complete(held, 0, offsets)
      await committer.commit()
    }
    const [before, after] = requests.map(({ topics }) => readPast(topics[0]!.partitions[0]!.metadata))
    expect(before!.pastEnd).toBe(3)
    expect(decodeCompletedBeyond(1, before!.text)).toEqual([{ from: 2, to: 3 }])
    expect(after).toEqual({ pastEnd: 0, text: '' })
  })

  it('commits by itself once so many records are complete, and not too often', async () => {
    vi.useFakeTimers()
    try {
      const { held, requests, asked } = setUp()
      const committer = new OffsetCommitter(held, 'g', asked, true, silent, 3)
      hold(held, 7, [0])
      const note = async (offset: number, ms: number) => {
        complete(held, 0, [offset])
        committer.noteCompleted()
        await vi.advanceTimersByTimeAsync(ms)
        return requests.length
      }
      expect(await note(0, 1)).toBe(0)
      expect(await note(1, 1)).toBe(0)
      expect(await note(2, 1)).toBe(1)
      for (const offset of [3, 4, 5, 6, 7]) await note(offset, 1)
      expect(requests.length).toBe(1)
      await vi.advanceTimersByTimeAsync(50)
      expect(requests.map(({ topics }) => topics[0]!.partitions[0]!.offset)).toEqual(['3', '8'])
      for (const offset of [8, 9, 10]) await note(offset, 0)
      committer.stop()
      await vi.advanceTimersByTimeAsync(1_000)
      expect(requests.length).toBe(2)
    } finally {
      vi.useRealTimers()
    }
  })
})
