import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RunLoopWatch } from './run-loop-watch.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function watch({ answers, refusal }: { answers: () => boolean; refusal?: string }) {
  const state = { stillMs: 0, dead: [] as Error[], told: [] as string[] }
  const tell = (_: object, message: string) => void state.told.push(message)
  const link = {
    run: () =>
      answers()
        ? Promise.resolve(undefined as never)
        : Promise.reject(Object.assign(new Error('away'), refusal && { type: refusal })),
    renew: () => undefined,
    close: () => undefined,
  }
  const watching = new RunLoopWatch(
    link,
    'g',
    () => state.stillMs,
    (error) => state.dead.push(error),
    { info: tell, warn: tell },
  )
  watching.start()
  return { state, watching }
}

describe('RunLoopWatch', () => {
  it('finds a loop dead that stands still while the broker answers, time after time', async () => {
    const { state } = watch({ answers: () => true })
    state.stillMs = 61_000
    await vi.advanceTimersByTimeAsync(45_000)
    expect(state.dead).toEqual([])
    await vi.advanceTimersByTimeAsync(15_000)
    expect(state.dead).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(state.dead).toHaveLength(1)
  })

  it('tells once that nothing comes, and once that it is over', async () => {
    const { state, watching } = watch({ answers: () => false })
    state.stillMs = 16_000
    await vi.advanceTimersByTimeAsync(45_000)
    expect(state.told).toEqual(['nothing is fetched: Kafka does not answer, or its group waits for a member'])
    state.stillMs = 100
    await vi.advanceTimersByTimeAsync(45_000)
    expect(state.told.slice(1)).toEqual(['records are fetched again'])
    watching.stop()
  })

  it('does not blame the loop while the broker is away, nor soon after its return', async () => {
    let isAway = true
    const { state, watching } = watch({ answers: () => !isAway })
    state.stillMs = 600_000
    await vi.advanceTimersByTimeAsync(300_000)
    isAway = false
    await vi.advanceTimersByTimeAsync(45_000)
    expect(state.dead).toEqual([])
    state.stillMs = 100
    await vi.advanceTimersByTimeAsync(120_000)
    expect(state.dead).toEqual([])
    watching.stop()
  })

  it.each([
    ['UNKNOWN_TOPIC_OR_PARTITION', 1],
    ['GROUP_COORDINATOR_NOT_AVAILABLE', 0],
  ])('takes the refusal %s for what it is: finds %i dead', async (refusal, dead) => {
    const { state, watching } = watch({ answers: () => false, refusal })
    state.stillMs = 61_000
    await vi.advanceTimersByTimeAsync(75_000)
    expect(state.dead).toHaveLength(dead)
    watching.stop()
  })
})
