import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Streak } from '#domain'
import type { StreakSnapshot } from '#postgres'
import { KnownStreaks } from './known-streaks.js'
import { WebhookHealth } from '../webhooks/webhook-health.js'

const streak: Streak = { since: 1_000, failures: 12, lastFailureAt: 5_000 }
const known = async () => ['whk_1', 'whk_2'].map((webhookId) => ({ webhookId, streak }))
const aKnownStreaks = (running: () => Promise<unknown>) =>
  new KnownStreaks({ running } as unknown as StreakSnapshot, { warn() {} } as never)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('keeps no streak for a webhook whose lane counts already: it would be an old story for the lane after that', async () => {
  const streaks = aKnownStreaks(known)
  const health = new WebhookHealth(null)
  await streaks.load((webhookId) => (webhookId === 'whk_1' ? health : undefined))
  expect(['whk_1', 'whk_2'].map((webhookId) => streaks.take(webhookId))).toEqual([null, streak])
  // From there on its lane counts, and a later lane of it has this one's word only.
  expect(streaks.take('whk_2')).toBeNull()
  expect(health.isFailing).toBe(false)
})

it('asks again when the read model is away, and adds what it knows to what the lanes have counted meanwhile', async () => {
  const answers = [() => Promise.reject(new Error('away')), () => Promise.reject(new Error('away')), known]
  const streaks = aKnownStreaks(() => answers.shift()!())
  const health = new WebhookHealth({ since: 9_000, failures: 1, lastFailureAt: 9_000 })
  await streaks.load((webhookId) => (webhookId === 'whk_1' ? health : undefined))
  expect(streaks.take('whk_2')).toBeNull()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(answers).toEqual([])
  expect(streaks.take('whk_2')).toEqual(streak)
  expect(health).toEqual(new WebhookHealth({ since: 1_000, failures: 12, lastFailureAt: 9_000 }))
})

it('knows nothing while the read model is away, whatever an earlier takeover had read: others have counted since', async () => {
  const answers = [known, () => Promise.reject(new Error('away'))]
  const streaks = aKnownStreaks(() => answers.shift()!())
  await streaks.load(() => undefined)
  await streaks.load(() => undefined)
  expect(streaks.take('whk_1')).toBeNull()
})

it('forgets the streak of a webhook that was changed before it had a lane', async () => {
  const streaks = aKnownStreaks(known)
  await streaks.load(() => undefined)
  streaks.forget('whk_1')
  expect(['whk_1', 'whk_2'].map((webhookId) => streaks.take(webhookId))).toEqual([null, streak])
})

it('owes it to the lanes also when the next takeover comes before it asks again', async () => {
  const answers = [() => Promise.reject(new Error('away')), known]
  const streaks = aKnownStreaks(() => answers.shift()!())
  const health = new WebhookHealth(null)
  const healthOf = (webhookId: string) => (webhookId === 'whk_1' ? health : undefined)
  await streaks.load(healthOf)
  await streaks.load(healthOf)
  expect(health.isFailing).toBe(true)
  await vi.advanceTimersByTimeAsync(10_000)
})

describe('a read model that hangs', () => {
  const nobody = () => undefined
  const hanging = () => {
    const answers: ((known: unknown) => void)[] = []
    const failures: ((error: Error) => void)[] = []
    const running = vi.fn(
      () =>
        new Promise((answer, fail) => {
          answers.push(answer)
          failures.push(fail)
        }),
    )
    return { streaks: aKnownStreaks(running), running, answers, failures }
  }
  const afterMs = (ms: number) => vi.advanceTimersByTimeAsync(ms)

  it('is waited for no longer than a second, and what it knows is added to the lanes that were made meanwhile', async () => {
    const { streaks, running, answers } = hanging()
    const lanes = new Map<string, WebhookHealth>()
    let isOver = false
    void streaks.load((webhookId) => lanes.get(webhookId)).then(() => (isOver = true))
    await afterMs(999)
    expect(isOver).toBe(false)
    await afterMs(1)
    expect(isOver).toBe(true)
    lanes.set('whk_1', new WebhookHealth(streaks.take('whk_1')))
    expect(lanes.get('whk_1')!.isFailing).toBe(false)

    answers[0]!(await known())
    await afterMs(60_000)

    expect(lanes.get('whk_1')).toEqual(new WebhookHealth(streak))
    expect(streaks.take('whk_2')).toEqual(streak)
    expect(running).toHaveBeenCalledOnce()
  })

  it('is asked again five seconds after it has failed at last, and not before', async () => {
    const { streaks, running, answers, failures } = hanging()
    const health = new WebhookHealth(null)
    void streaks.load((webhookId) => (webhookId === 'whk_1' ? health : undefined))
    await afterMs(11_000)
    expect(running).toHaveBeenCalledOnce()
    failures[0]!(new Error('no answer'))
    await afterMs(5_000)
    expect(running).toHaveBeenCalledTimes(2)
    answers[1]!(await known())
    await afterMs(60_000)
    expect(health.isFailing).toBe(true)
    expect(running).toHaveBeenCalledTimes(2)
  })

  it('takes nothing from what a later takeover was answered, neither in its silence nor with an old answer', async () => {
    const { streaks, answers } = hanging()
    void streaks.load(nobody)
    const later = streaks.load(nobody)
    answers[1]!(await known())
    await later
    await afterMs(1_000)
    answers[0]!([{ webhookId: 'whk_2', streak: { ...streak, failures: 1 } }])
    await afterMs(0)
    expect(['whk_1', 'whk_2'].map((webhookId) => streaks.take(webhookId))).toEqual([streak, streak])
  })

  it('still owes the lanes the answer of the later takeover when it has answered the earlier one', async () => {
    const { streaks, answers } = hanging()
    const health = new WebhookHealth(null)
    const healthOf = (webhookId: string) => (webhookId === 'whk_1' ? health : undefined)
    void streaks.load(healthOf)
    void streaks.load(healthOf)
    await afterMs(1_000)
    answers[0]!([])
    answers[1]!(await known())
    await afterMs(0)
    expect(health.isFailing).toBe(true)
  })
})
