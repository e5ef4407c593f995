import { expect, it } from 'vitest'
import type { Streak } from '#domain'
import type { StreakSnapshot } from '#postgres'
import { KnownStreaks } from './known-streaks.js'

const streak = { since: 1, failures: 12 } as unknown as Streak

it('keeps no streak for a webhook whose lane counts already: it would be an old story for the lane after that', async () => {
  const running = async () => ['whk_1', 'whk_2'].map((webhookId) => ({ webhookId, streak }))
  const streaks = new KnownStreaks({ running } as unknown as StreakSnapshot, { warn() {} } as never)
  await streaks.load((webhookId) => webhookId === 'whk_1')
  expect(['whk_1', 'whk_2'].map((webhookId) => streaks.take(webhookId))).toEqual([null, streak])
})
