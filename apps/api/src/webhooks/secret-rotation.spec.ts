import { describe, expect, it } from 'vitest'
import { ChangeWaiting, OverlapRunning, type Rotation } from '#postgres'
import { isSecret, openSecret, parseKeyRing } from '#signing'
import { SecretRotation } from './secret-rotation.js'

const keyRing = parseKeyRing(Buffer.alloc(32, 7).toString('base64'))
const EXPIRES = new Date('2024-01-16T14:45:00Z')

function aRotation({ isConfirmed = true, refusals = [] }: { isConfirmed?: boolean; refusals?: Error[] } = {}) {
  const refused = refusals.values()
  const stored: Rotation[] = []
  const undone: Rotation[] = []
  const seals: string[] = []
  const store = {
    rotate: (_: string, webhookId: string, sealed: string) => {
      const refusal = refused.next()
      if (!refusal.done) return Promise.reject(refusal.value)
      const rotation = { webhookId, outboxId: 1, previousExpiresAt: EXPIRES, before: [], secretId: 2 }
      seals.push(sealed)
      stored.push(rotation)
      return Promise.resolve(rotation)
    },
    undo: (rotation: Rotation) => Promise.resolve(void undone.push(rotation)),
  }
  const awaited: number[] = []
  const relay = {
    isConfirmed: (outboxId: number) => {
      awaited.push(outboxId)
      return Promise.resolve(isConfirmed)
    },
  }
  const rotation = new SecretRotation(store as never, relay as never, keyRing, { error: () => {} } as never)
  return { rotation, stored, undone, seals, awaited }
}

describe('a rotation', () => {
  it('answers the secret that was stored, sealed', async () => {
    const { rotation, seals } = aRotation()
    const answer = await rotation.rotate('acc_1', 'whk_1', 1_000)
    expect(isSecret(answer!.secret)).toBe(true)
    expect(answer!.previousExpiresAt).toEqual(EXPIRES)
    expect(openSecret(keyRing, seals[0]!, 'whk_1')).toBe(answer!.secret)
  })

  it('that the log does not confirm is undone: nobody was told the secret', async () => {
    const { rotation, stored, undone } = aRotation({ isConfirmed: false })
    await expect(rotation.rotate('acc_1', 'whk_1', 1_000)).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    })
    expect(undone).toEqual(stored)
  })

  it('waits for an earlier change of the webhook, which may still be undone', async () => {
    const { rotation, stored, awaited } = aRotation({ refusals: [new ChangeWaiting(7), new ChangeWaiting(8)] })
    expect(await rotation.rotate('acc_1', 'whk_1', 1_000)).not.toBeNull()
    expect(awaited).toEqual([7, 8, stored[0]!.outboxId])
  })

  it('changes nothing while an earlier change cannot be confirmed', async () => {
    const { rotation, stored, undone } = aRotation({ isConfirmed: false, refusals: [new ChangeWaiting(7)] })
    await expect(rotation.rotate('acc_1', 'whk_1', 0)).rejects.toMatchObject({ status: 503 })
    expect([stored, undone]).toEqual([[], []])
  })

  it('during an overlap is refused with the time of its end and the way around it', async () => {
    const { rotation } = aRotation({ refusals: [new OverlapRunning(EXPIRES)] })
    await expect(rotation.rotate('acc_1', 'whk_1', 1_000)).rejects.toMatchObject({
      status: 409,
      detail: expect.stringMatching(/until 2024-01-16T14:45:00.000Z.*"overlap_seconds": 0/),
    })
  })
})
