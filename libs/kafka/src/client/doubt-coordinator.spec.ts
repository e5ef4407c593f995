import { describe, expect, it } from 'vitest'
import { doubtCoordinator } from './doubt-coordinator.js'

const soon = { interval: 0 }

/** kafkajs' group as far as it goes here, on a cluster in which a broker of that number keeps it. */
function aGroup() {
  const asked: string[] = []
  const keeps = { nodeId: 1, isKnown: true, failure: undefined as Error | undefined }
  class Stock {
    groupId = 'group'
    cluster = {
      refreshMetadata: () => {
        asked.push('which brokers there are')
        return Promise.resolve()
      },
      findGroupCoordinatorMetadata: ({ groupId, coordinatorType }: { groupId: string; coordinatorType: number }) => {
        asked.push(`who keeps ${groupId}/${coordinatorType}`)
        if (!keeps.isKnown) return Promise.reject(Object.assign(new Error('no broker'), { retriable: false }))
        return Promise.resolve({ coordinator: { nodeId: keeps.nodeId } })
      },
      findBroker: ({ nodeId }: { nodeId: number }) => Promise.resolve({ nodeId }),
    }
    coordinator: object | null = { nodeId: 1 }
    offsetManager: { coordinator: object } | null = { coordinator: { nodeId: 1 } }

    heartbeat(): Promise<void> {
      const { nodeId } = this.coordinator as { nodeId: number }
      asked.push(`beat to ${nodeId}`)
      return nodeId === keeps.nodeId && !keeps.failure
        ? Promise.resolve()
        : Promise.reject(keeps.failure ?? new Error('timed out'))
    }
  }
  const Group = doubtCoordinator(Stock)
  return { group: new Group({} as never), asked, keeps }
}

describe('the coordinator of a group', () => {
  it('is not looked up while heartbeats are answered', async () => {
    const { group, asked } = aGroup()
    await group.heartbeat(soon)
    await group.heartbeat(soon)
    expect(asked).toEqual(['beat to 1', 'beat to 1'])
  })

  it('is looked up once after a heartbeat that was not answered, for all that beat then', async () => {
    const { group, asked, keeps } = aGroup()
    keeps.nodeId = 2
    await expect(group.heartbeat(soon)).rejects.toThrow('timed out')
    asked.length = 0
    await Promise.all([group.heartbeat(soon), group.heartbeat(soon)])
    await group.heartbeat(soon)
    expect(asked).toEqual(['which brokers there are', 'who keeps group/0', 'beat to 2', 'beat to 2', 'beat to 2'])
    expect(group.offsetManager).toEqual({ coordinator: { nodeId: 2 } })
  })

  it('is looked up again while nobody can tell, which is final for nobody', async () => {
    const { group, asked, keeps } = aGroup()
    keeps.nodeId = 2
    keeps.isKnown = false
    await expect(group.heartbeat(soon)).rejects.toThrow('timed out')
    const failed = group.heartbeat(soon)
    await expect(failed).rejects.toThrow('nobody can tell')
    await expect(failed).rejects.not.toHaveProperty('retriable')
    keeps.isKnown = true
    await group.heartbeat(soon)
    expect(asked.at(-1)).toBe('beat to 2')
  })

  it('is not looked up for a heartbeat that is answered with having to join: the join does that', async () => {
    const { group, asked, keeps } = aGroup()
    keeps.failure = Object.assign(new Error('rebalance'), { type: 'REBALANCE_IN_PROGRESS' })
    await expect(group.heartbeat(soon)).rejects.toThrow('rebalance')
    keeps.failure = undefined
    await group.heartbeat(soon)
    expect(asked).toEqual(['beat to 1', 'beat to 1'])
  })
})
