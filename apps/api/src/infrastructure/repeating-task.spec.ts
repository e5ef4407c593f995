import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { RepeatingTask } from './repeating-task.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('does its work at once, then every so often, until it is stopped', async () => {
  const work = vi.fn(async () => {})
  const task = new RepeatingTask(work, 1_000, () => {})
  task.start()
  expect(work).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(2_500)
  expect(work).toHaveBeenCalledTimes(3)
  await task.stop()
  task.wake()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(work).toHaveBeenCalledTimes(3)
})

it('works once more after it was woken, also while it works, and never twice at a time', async () => {
  const ends: (() => void)[] = []
  const work = vi.fn(() => new Promise<void>((resolve) => ends.push(resolve)))
  const task = new RepeatingTask(work, 1_000, () => {})
  task.start()
  task.wake()
  task.wake()
  await vi.advanceTimersByTimeAsync(10)
  expect(work).toHaveBeenCalledTimes(1)
  ends.shift()!()
  await vi.advanceTimersByTimeAsync(10)
  expect(work).toHaveBeenCalledTimes(2)
  ends.shift()!()
  await vi.advanceTimersByTimeAsync(10)
  expect(work).toHaveBeenCalledTimes(2)
  task.wake()
  expect(work).toHaveBeenCalledTimes(3)
  ends.shift()!()
  await task.stop()
})

it('goes on after a failure, which it hands on', async () => {
  const failures: unknown[] = []
  const task = new RepeatingTask(
    () => Promise.reject(new Error('away')),
    1_000,
    (error) => failures.push(error),
  )
  task.start()
  await vi.advanceTimersByTimeAsync(1_500)
  expect(failures).toHaveLength(2)
  await task.stop()
})

it('breaks a turn off when it is stopped, which is no failure; another error of that turn is', async () => {
  const failures: unknown[] = []
  const away = new Error('away')
  for (const reject of [(stopping: AbortSignal) => stopping.reason as Error, () => away]) {
    const task = new RepeatingTask(
      (stopping) => new Promise((_, broken) => stopping.addEventListener('abort', () => broken(reject(stopping)))),
      1_000,
      (error) => failures.push(error),
    )
    task.start()
    await task.stop()
  }
  expect(failures).toEqual([away])
})
