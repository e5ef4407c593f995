import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ConfigurationTurns } from './configuration-turns.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A write that takes so long. */
const lasting = (ms: number) => vi.fn(() => new Promise<string>((resolve) => setTimeout(() => resolve('written'), ms)))

it('two writes of an account are under way, and those of another beside them', async () => {
  const turns = new ConfigurationTurns()
  const writes = Array.from({ length: 3 }, () => lasting(100))
  const other = lasting(100)
  const all = [...writes.map((write) => turns.take('acc_1', write)), turns.take('acc_2', other)]
  await vi.advanceTimersByTimeAsync(50)
  expect([...writes, other].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0, 1])
  await vi.advanceTimersByTimeAsync(150)
  expect(await Promise.all(all)).toEqual(['written', 'written', 'written', 'written'])
})

it('beyond fifty that wait, a write is refused with what to do', async () => {
  const turns = new ConfigurationTurns()
  const taken = Array.from({ length: 52 }, () => turns.take('acc_1', lasting(10)))
  const refused = lasting(10)
  await expect(turns.take('acc_1', refused)).rejects.toMatchObject({
    status: 429,
    title: 'Too many at once',
    headers: { 'retry-after': '1' },
  })
  expect(refused).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(10 * 26)
  expect(await Promise.all(taken)).toHaveLength(52)
})

it('a write whose turn comes too late is not done, so that all of them are answered soon after', async () => {
  const turns = new ConfigurationTurns()
  const slow = [0, 1].map(() => turns.take('acc_1', lasting(10_001)))
  const write = lasting(10)
  const late = Array.from({ length: 50 }, () => turns.take('acc_1', write))
  const outcomes = Promise.allSettled(late)
  await vi.advanceTimersByTimeAsync(10_001)
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { status: 503, headers: { 'retry-after': '1' } } })
  }
  expect(write).not.toHaveBeenCalled()
  expect(await Promise.all(slow)).toEqual(['written', 'written'])
})
