import { describe, expect, it } from 'vitest'
import { insistOnJoin } from './insist-on-join.js'

const AGAIN = 'about to share out'

/** kafkajs' group as far as it goes here. `answers` are those to joins and heartbeats, in turn: an error, or none. */
function aGroup(answers: (Error | undefined)[]) {
  const sent: string[] = []
  const answer = () => {
    const error = answers.shift()
    if (error) throw error
  }
  class Stock {
    memberId: string | null = null
    generationId: number | null = null
    lastRequest = 0

    joinAndSync(): Promise<void> {
      sent.push('join')
      this.memberId = 'me'
      this.generationId = (this.generationId ?? 0) + 1
      return Promise.resolve().then(answer)
    }
    fetch(): Promise<object[]> {
      sent.push('fetch')
      return Promise.resolve([])
    }
    heartbeat({ interval }: { interval: number }): Promise<void> {
      if (Date.now() < this.lastRequest + interval) return Promise.resolve()
      sent.push('heartbeat')
      return Promise.resolve().then(answer)
    }
  }
  const Group = insistOnJoin(Stock, () => new Error(AGAIN))
  return { group: new Group({} as never), sent }
}

function refused(type: string): Error {
  return Object.assign(new Error(type), { type })
}

const soon = { interval: 0 }

describe('a member of a group', () => {
  it('fetches and beats once it has joined', async () => {
    const { group, sent } = aGroup([undefined, undefined])
    await group.joinAndSync()
    await group.fetch(1)
    await group.heartbeat(soon)
    expect(sent).toEqual(['join', 'fetch', 'heartbeat'])
  })

  it('does nothing but join again after a join that failed', async () => {
    const { group, sent } = aGroup([new Error('connection lost')])
    await expect(group.joinAndSync()).rejects.toThrow('connection lost')
    await expect(group.fetch(1)).rejects.toThrow(AGAIN)
    await expect(group.heartbeat(soon)).rejects.toThrow(AGAIN)
    await group.joinAndSync()
    await group.fetch(1)
    expect(sent).toEqual(['join', 'join', 'fetch'])
  })

  it.each(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'NOT_COORDINATOR_FOR_GROUP'])(
    'joins before anything else when a heartbeat is answered %s, whoever hears of it',
    async (type) => {
      const { group } = aGroup([undefined, refused(type)])
      await group.joinAndSync()
      await expect(group.heartbeat(soon)).rejects.toThrow(type)
      await expect(group.fetch(1)).rejects.toThrow(AGAIN)
      await group.joinAndSync()
      await expect(group.fetch(1)).resolves.toEqual([])
    },
  )

  it('goes on after a heartbeat that was lost', async () => {
    const { group } = aGroup([undefined, new Error('connection lost')])
    await group.joinAndSync()
    await expect(group.heartbeat(soon)).rejects.toThrow('connection lost')
    await expect(group.fetch(1)).resolves.toEqual([])
  })

  it('joins again when an older join goes through and the newest fails', async () => {
    const { group } = aGroup([undefined, new Error('connection lost')])
    const [older, newest] = [group.joinAndSync(), group.joinAndSync()]
    await expect(newest).rejects.toThrow('connection lost')
    await older
    await expect(group.fetch(1)).rejects.toThrow(AGAIN)
  })

  it('joins again when another join of its own went through and the newest did not', async () => {
    const { group } = aGroup([undefined])
    await group.joinAndSync()
    group.generationId = 7
    await expect(group.fetch(1)).rejects.toThrow(AGAIN)
    group.generationId = 1
    group.memberId = null
    await expect(group.fetch(1)).rejects.toThrow(AGAIN)
  })

  it('beats also when the clock was set back', async () => {
    const { group, sent } = aGroup([undefined, undefined])
    await group.joinAndSync()
    group.lastRequest = Date.now() + 3_600_000
    await group.heartbeat({ interval: 1_000 })
    expect(sent).toEqual(['join', 'heartbeat'])
  })
})
