import { expect, it } from 'vitest'
import type { NotificationStore } from '#postgres'
import { NotificationForgetting } from './notification-forgetting.js'

const config = { topics: { deliveryRetentionMs: 1_000 } } as ConstructorParameters<typeof NotificationForgetting>[1]

it('forgets at the start what is older than deliveries are kept, and gets over a database that is away', async () => {
  for (const isAway of [false, true]) {
    const asked: number[] = []
    const warnings: unknown[] = []
    const forgetDone = async (ms: number) => {
      asked.push(ms)
      if (isAway) throw new Error('away')
      return 3
    }
    const logger = { warn: (fields: object) => void warnings.push(fields) }
    const forgetting = new NotificationForgetting({ forgetDone } as unknown as NotificationStore, config, logger)
    forgetting.onApplicationBootstrap()
    await forgetting.onApplicationShutdown()
    expect(asked).toEqual([1_000])
    expect(warnings).toHaveLength(isAway ? 1 : 0)
  }
})
