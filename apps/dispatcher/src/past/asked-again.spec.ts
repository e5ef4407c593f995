import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AskedAgain } from './asked-again.js'

const failures: unknown[] = []
let asked: AskedAgain
beforeEach(() => {
  vi.useFakeTimers()
  failures.length = 0
  asked = new AskedAgain((error) => failures.push(error))
})
afterEach(() => {
  vi.useRealTimers()
})

it('asks once more five seconds after a failure, until there is an answer', async () => {
  const read = vi.fn<() => Promise<void>>().mockRejectedValueOnce(new Error('away')).mockResolvedValue()
  await asked.ask(read)
  expect(failures).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(read).toHaveBeenCalledTimes(2)
})

it('is silent of a failure when somebody asked after it, and asks no more for its sake', async () => {
  let fail: (error: Error) => void = () => {}
  const older = vi.fn(() => new Promise<void>((_, reject) => (fail = reject)))
  const first = asked.ask(older)
  await asked.ask(() => Promise.resolve())
  fail(new Error('too slow'))
  await first
  await vi.advanceTimersByTimeAsync(60_000)
  expect(failures).toEqual([])
  expect(older).toHaveBeenCalledOnce()
})
