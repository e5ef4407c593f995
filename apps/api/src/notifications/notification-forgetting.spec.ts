import { expect, it } from 'vitest'
import type { NotificationStore } from '#postgres'
import { NotificationForgetting } from './notification-forgetting.js'

const config = { topics: { deliveryRetentionMs: 1_000 } } as ConstructorParameters<typeof NotificationForgetting>[1]

it('forgets at the start what is older than deliveries are kept, and gets over a database that is away', async () => {
  for (const isAway of [false, true]) {
    const asked: number[] = []
    const warnings: unknown[] = []
    let isStopped = () => false
    const forgetDone = async (ms: number, isTold: () => boolean) => {
      asked.push(ms)
      isStopped = isTold
      if (isAway) throw new Error('away')
      return 3
    }
    const logger = { warn: (fields: object) => void warnings.push(fields) }
    const forgetting = new NotificationForgetting({ forgetDone } as unknown as NotificationStore, config, logger)
    forgetting.onApplicationBootstrap()
    expect(isStopped()).toBe(false)
    await forgetting.onApplicationShutdown()
    expect(isStopped()).toBe(true)
    expect(asked).toEqual([1_000])
    expect(warnings).toHaveLength(isAway ? 1 : 0)
  }
})
