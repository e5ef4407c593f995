import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DeadlineSweep } from './deadline-sweep.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function passedAt(sweep: DeadlineSweep, deadlineMs: number) {
  const deadline = sweep.start(deadlineMs)
  const startedAt = performance.now()
  const result: { deadline: typeof deadline; at: number | undefined } = { deadline, at: undefined }
  deadline.onPassed(() => (result.at = performance.now() - startedAt))
  return result
}

test('each deadline passes once, not early and at most 20 ms late', () => {
  const sweep = new DeadlineSweep()
  const all = [5_000, 90, 333, 1, 20].map((ms) => ({ ms, passed: passedAt(sweep, ms) }))
  vi.advanceTimersByTime(6_000)
  for (const { ms, passed } of all) {
    expect(passed.at).toBeGreaterThanOrEqual(ms)
    expect(passed.at).toBeLessThanOrEqual(ms + 20)
    expect(passed.deadline.hasPassed).toBe(true)
  }
})

test('an ended deadline never passes, whichever of several is ended', () => {
  const sweep = new DeadlineSweep()
  const all = [100, 100, 100, 100].map((ms) => passedAt(sweep, ms))
  sweep.end(all[0]!.deadline)
  sweep.end(all[2]!.deadline)
  sweep.end(all[2]!.deadline)
  vi.advanceTimersByTime(200)
  expect(all.map(({ at }) => at !== undefined)).toEqual([false, true, false, true])
})

test('the latest stage is the one that is stopped, at once when time is already up', () => {
  const deadline = new DeadlineSweep().start(10)
  const stopped: string[] = []
  deadline.onPassed(() => stopped.push('connect'))
  deadline.onPassed(() => stopped.push('tls'))
  vi.advanceTimersByTime(40)
  deadline.onPassed(() => stopped.push('headers'))
  expect(stopped).toEqual(['tls', 'headers'])
})

test('each sweep looks at what is under way, in its latest stage', () => {
  const looks: string[] = []
  const sweep = new DeadlineSweep()
  const [first, second] = [sweep.start(1_000), sweep.start(1_000)]
  first.onSweep(() => looks.push('tls'))
  first.onSweep(() => looks.push('answer'))
  second.onSweep(() => looks.push('other'))
  vi.advanceTimersByTime(20)
  expect(looks).toEqual(['answer', 'other'])
  sweep.end(first)
  vi.advanceTimersByTime(20)
  expect(looks.slice(2)).toEqual(['other'])
  sweep.end(second)
  vi.advanceTimersByTime(1_000)
  expect(looks).toHaveLength(3)
})

test('what else there is, is looked at every 100 ms while anything is under way', () => {
  let looks = 0
  const sweep = new DeadlineSweep(() => looks++)
  const deadline = sweep.start(5_000)
  vi.advanceTimersByTime(1_000)
  expect(looks).toBe(10)
  sweep.end(deadline)
  vi.advanceTimersByTime(1_000)
  expect(looks).toBe(10)
})

test('no timer runs while nothing is under way', () => {
  const sweep = new DeadlineSweep()
  expect(vi.getTimerCount()).toBe(0)
  const deadline = sweep.start(1_000)
  expect(vi.getTimerCount()).toBe(1)
  sweep.end(deadline)
  vi.advanceTimersByTime(40)
  expect(vi.getTimerCount()).toBe(0)
})
