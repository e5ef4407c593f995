import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { HalfTimeWarnings } from './half-time-warnings.js'

const HOUR_MS = 3_600_000
const NOON = Date.parse('2024-01-15T12:00:00Z')

beforeEach(() => void vi.useFakeTimers({ now: NOON }))
afterEach(() => void vi.useRealTimers())

type CameTo = ReadModelProgress['cameTo']

/** One streak that is due, and read models that are as far as the test says. */
function lookingFor({ isDue = true, cameTo = async () => true }: { isDue?: boolean; cameTo?: CameTo }) {
  const warnings = {
    isAnyDue: vi.fn(async () => isDue),
    warn: vi.fn(async () => {
      const warned = isDue ? 1 : 0
      isDue = false
      return { warned, isMore: false }
    }),
  }
  let end = 0
  const progress = {
    ends: vi.fn(async () => ({ facts: [{ partition: 0, end: ++end }] })),
    cameTo: vi.fn(cameTo),
  }
  const notifications = { wake: vi.fn() }
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const looks = new HalfTimeWarnings(
    warnings as never,
    progress as never,
    notifications as never,
    { disable: { afterAttempts: 10, afterMs: 6 * HOUR_MS } },
    logger,
  )
  looks.onApplicationBootstrap()
  return { looks, warnings, progress, notifications, logger }
}

it('warns of what is due, once the read models know all that is in the log', async () => {
  const { looks, warnings, progress, notifications } = lookingFor({})
  await vi.advanceTimersByTimeAsync(0)
  expect(progress.cameTo).toHaveBeenCalledTimes(1)
  expect(warnings.warn).toHaveBeenCalledExactlyOnceWith(NOON - 3 * HOUR_MS)
  expect(notifications.wake).toHaveBeenCalledTimes(1)
  await looks.beforeApplicationShutdown()
})

it('warns nobody while the read models are behind: a success may be in the log alone', async () => {
  let isPast = false
  const { looks, warnings, progress, notifications, logger } = lookingFor({ cameTo: async () => isPast })
  await vi.advanceTimersByTimeAsync(HOUR_MS)
  expect(progress.cameTo.mock.calls.length).toBeGreaterThan(1)
  expect(warnings.warn).not.toHaveBeenCalled()
  expect(notifications.wake).not.toHaveBeenCalled()
  expect(logger.warn).not.toHaveBeenCalled()

  isPast = true
  await vi.advanceTimersToNextTimerAsync()
  // Of what was due at the first look, whose end of the log the read models have come to at last.
  expect(new Set(progress.cameTo.mock.calls.map((of) => JSON.stringify(of)))).toHaveLength(1)
  expect(warnings.warn).toHaveBeenCalledExactlyOnceWith(NOON - 3 * HOUR_MS)
  await looks.beforeApplicationShutdown()
})

it('does not ask how far the read models are while there is nobody to warn', async () => {
  const { looks, warnings, progress } = lookingFor({ isDue: false })
  await vi.advanceTimersByTimeAsync(HOUR_MS)
  expect(warnings.isAnyDue.mock.calls.length).toBeGreaterThan(1)
  expect(progress.ends).not.toHaveBeenCalled()
  expect(warnings.warn).not.toHaveBeenCalled()
  await looks.beforeApplicationShutdown()
})

it('says once that the broker is away, and warns nobody meanwhile', async () => {
  const { looks, warnings, logger } = lookingFor({ cameTo: () => Promise.reject(new Error('away')) })
  await vi.advanceTimersByTimeAsync(HOUR_MS)
  expect(logger.warn).toHaveBeenCalledTimes(1)
  expect(warnings.warn).not.toHaveBeenCalled()
  await looks.beforeApplicationShutdown()
})

it('does not take it for a failure that whoever waits is let go when the process stops', async () => {
  const { looks, warnings, logger } = lookingFor({
    cameTo: (_ends, _limitMs, stopping) =>
      new Promise((_, reject) => stopping!.addEventListener('abort', () => reject(stopping!.reason as Error))),
  })
  await vi.advanceTimersByTimeAsync(0)
  await looks.beforeApplicationShutdown()
  expect(warnings.warn).not.toHaveBeenCalled()
  expect(logger.warn).not.toHaveBeenCalled()
})
