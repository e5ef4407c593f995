import { describe, expect, it } from 'vitest'
import { OverlapRunning, type Rotation } from '#postgres'
import { isSecret, openSecret, parseKeyRing } from '#signing'
import { SecretRotation } from './secret-rotation.js'

const keyRing = parseKeyRing(Buffer.alloc(32, 7).toString('base64'))
const EXPIRES = new Date('2024-01-16T14:45:00Z')

function aRotation({ isConfirmed = true, refusal }: { isConfirmed?: boolean; refusal?: Error } = {}) {
  const stored: Rotation[] = []
  const undone: Rotation[] = []
  const seals: string[] = []
  const store = {
    rotate: (_: string, webhookId: string, sealed: string) => {
      if (refusal) return Promise.reject(refusal)
      const rotation = { webhookId, outboxId: 1, previousExpiresAt: EXPIRES, before: [], secretId: 2 }
      seals.push(sealed)
      stored.push(rotation)
      return Promise.resolve(rotation)
    },
    undo: (rotation: Rotation) => Promise.resolve(void undone.push(rotation)),
  }
  const relay = { isConfirmed: () => Promise.resolve(isConfirmed) }
  const rotation = new SecretRotation(store as never, relay as never, keyRing, { error: () => {} } as never)
  return { rotation, stored, undone, seals }
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

  it('during an overlap is refused with the time of its end and the way around it', async () => {
    const { rotation } = aRotation({ refusal: new OverlapRunning(EXPIRES) })
    await expect(rotation.rotate('acc_1', 'whk_1', 1_000)).rejects.toMatchObject({
      status: 409,
      detail: expect.stringMatching(/until 2024-01-16T14:45:00.000Z.*"overlap_seconds": 0/),
    })
  })
})
