import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { anAttempted } from '../../../../libs/domain/src/builders.testing.js'
import type { RecordBatch } from '#kafka'
import { BatchGatherer } from './batch-gatherer.js'
import { aBatch, aFactRecord } from './consumed-records.testing.js'

describe('gathering batches into rounds', () => {
  const completed: number[] = []
  const write = vi.fn<(batches: readonly RecordBatch[]) => Promise<void>>()
  const onFailed = vi.fn()
  let gatherer: BatchGatherer

  beforeEach(() => {
    vi.useFakeTimers()
    vi.resetAllMocks()
    write.mockResolvedValue()
    completed.length = 0
    gatherer = new BatchGatherer(write, onFailed, { gatherMs: 10, roundMs: 100, retryMs: [100, 1_000] })
  })
  afterEach(async () => {
    await gatherer.close()
    vi.useRealTimers()
  })

  function batchAt(offset: number, count = 1, end = offset + count): RecordBatch {
    const records = Array.from({ length: count }, (_, i) => aFactRecord(anAttempted(), { offset: offset + i }))
    return aBatch(records, completed, end)
  }

  /** Whether the promise is settled now. */
  async function isSettled(promise: void | Promise<void>): Promise<boolean> {
    let settled = false
    void Promise.resolve(promise).then(() => (settled = true))
    await vi.advanceTimersByTimeAsync(0)
    return settled
  }

  it('writes what comes within a moment as one, and completes it then', async () => {
    const [a, b] = [batchAt(0), batchAt(1)]
    expect(gatherer.take(a)).toBeUndefined()
    expect(gatherer.take(b)).toBeUndefined()
    expect(completed).toEqual([])

    await vi.advanceTimersByTimeAsync(10)

    expect(write.mock.calls).toEqual([[[a, b]]])
    expect(completed).toEqual([0, 1])
  })

  it('does not rest after a full round: a backlog is not to wait', async () => {
    void gatherer.take(batchAt(0, 5_000))
    await vi.advanceTimersByTimeAsync(10)
    const next = batchAt(5_000)
    expect(await isSettled(gatherer.take(next))).toBe(true)
    await vi.advanceTimersByTimeAsync(10)
    expect(write).toHaveBeenLastCalledWith([next])
  })

  it('does not rest when a partition holds more than its fetch brought, as with large records', async () => {
    void gatherer.take(batchAt(0, 10, 11))
    await vi.advanceTimersByTimeAsync(10)
    const next = batchAt(10)
    expect(await isSettled(gatherer.take(next))).toBe(true)
    await vi.advanceTimersByTimeAsync(10)
    expect(write).toHaveBeenLastCalledWith([next])
  })

  it('rests between rounds, and holds the consumer back meanwhile', async () => {
    void gatherer.take(batchAt(0))
    await vi.advanceTimersByTimeAsync(20)
    const next = batchAt(1)

    const held = gatherer.take(next)
    expect(await isSettled(held)).toBe(false)
    await vi.advanceTimersByTimeAsync(79)
    expect(write).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await isSettled(held)).toBe(true)

    await vi.advanceTimersByTimeAsync(10)
    expect(write.mock.calls[1]).toEqual([[next]])
    expect(completed).toEqual([0, 1])
  })

  it('is at rest and quick again after a quiet time', async () => {
    void gatherer.take(batchAt(0))
    await vi.advanceTimersByTimeAsync(500)

    expect(gatherer.take(batchAt(1))).toBeUndefined()
    await vi.advanceTimersByTimeAsync(10)

    expect(completed).toEqual([0, 1])
  })

  it('takes no more into a round that is full', async () => {
    const held = gatherer.take(batchAt(0, 6_000))

    expect(await isSettled(held)).toBe(false)
    await vi.advanceTimersByTimeAsync(100)
    expect(await isSettled(held)).toBe(true)
  })

  it('tries a round again until it succeeds, completes nothing before, and takes nothing more meanwhile', async () => {
    write.mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('still away'))
    const first = batchAt(0)
    void gatherer.take(first)
    await vi.advanceTimersByTimeAsync(10)
    expect(completed).toEqual([])
    const held = gatherer.take(batchAt(1))

    await vi.advanceTimersByTimeAsync(100)
    expect(onFailed).toHaveBeenCalledTimes(2)
    expect(await isSettled(held)).toBe(false)
    await vi.advanceTimersByTimeAsync(200)

    expect(write.mock.calls.slice(0, 3)).toEqual([[[first]], [[first]], [[first]]])
    expect(completed).toEqual([0])
    expect(await isSettled(held)).toBe(true)
  })

  it('finishes the round that is being written when it is closed', async () => {
    let finish!: () => void
    write.mockReturnValueOnce(new Promise((resolve) => (finish = resolve)))
    void gatherer.take(batchAt(0))
    await vi.advanceTimersByTimeAsync(10)

    const closed = gatherer.close()
    expect(await isSettled(closed)).toBe(false)
    finish()
    await closed

    expect(completed).toEqual([0])
  })

  it('gives up a round that fails when it is closed, and leaves it for the next process', async () => {
    write.mockRejectedValue(new Error('away'))
    void gatherer.take(batchAt(0))
    await vi.advanceTimersByTimeAsync(10)

    await gatherer.close()

    expect(completed).toEqual([])
    expect(gatherer.take(batchAt(1))).toBeUndefined()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(write).toHaveBeenCalledTimes(1)
  })
})
