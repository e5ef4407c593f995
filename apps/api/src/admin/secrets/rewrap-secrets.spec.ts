import { describe, expect, it } from 'vitest'
import type { Reseal } from '#postgres'
import { openSecret, parseKeyRing, sealSecret } from '#signing'
import { type Seals, rewrapSecrets } from './rewrap-secrets.js'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const before = parseKeyRing(key(1))
const during = parseKeyRing(`k2:${key(2)},k1:${key(1)}`)
const after = parseKeyRing(`k2:${key(2)}`)

/** One webhook per batch. */
function sealsOf(rows: Map<string, string>): Seals {
  return {
    reseal: (newestKeyId: string, last: string, _limit: number, reseal: Reseal) => {
      const id = [...rows.keys()].find((each) => each > last && rows.get(each)!.split('.')[1] !== newestKeyId)
      if (id === undefined) return Promise.resolve({ secrets: 0, unreadable: [], last: null, outboxId: null })
      const resealed = reseal(id, rows.get(id)!)
      if (resealed === null) return Promise.resolve({ secrets: 0, unreadable: [id], last: id, outboxId: null })
      rows.set(id, resealed)
      return Promise.resolve({ secrets: 1, unreadable: [], last: id, outboxId: rows.size })
    },
  }
}

describe('rewrapping', () => {
  it('seals the same secrets with the newest key, each for its webhook, so that the old key can go', async () => {
    const rows = new Map(['whk_1', 'whk_2'].map((id) => [id, sealSecret(before, `secret of ${id}`, id)]))
    const progress: number[] = []

    expect(await rewrapSecrets(sealsOf(rows), during, (secrets) => progress.push(secrets))).toEqual({
      secrets: 2,
      unreadable: [],
      outboxId: 2,
    })

    expect(progress).toEqual([1, 2, 2])
    for (const [id, sealed] of rows) expect(openSecret(after, sealed, id)).toBe(`secret of ${id}`)
  })

  it('names the webhooks whose secrets no key opens, and goes on', async () => {
    const lost = parseKeyRing(`k0:${key(9)}`)
    const rows = new Map([
      ['whk_1', sealSecret(lost, 'secret', 'whk_1')],
      ['whk_2', sealSecret(before, 'secret', 'of another webhook')],
      ['whk_3', sealSecret(before, 'secret', 'whk_3')],
    ])

    expect(await rewrapSecrets(sealsOf(rows), during)).toMatchObject({ secrets: 1, unreadable: ['whk_1', 'whk_2'] })
  })
})
