import { expect, it, vi } from 'vitest'
import { CountTurns } from './count-turns.js'

/** Counts that end when they are told to. */
function aCounter() {
  const turns = new CountTurns()
  const underWay: { account: string; end: (error?: Error) => void }[] = []
  const ask = (account: string): Promise<number | null> =>
    turns.take(
      account,
      () =>
        new Promise((resolve, reject) =>
          underWay.push({ account, end: (error) => (error ? reject(error) : resolve(7)) }),
        ),
    )
  const accounts = () => underWay.map(({ account }) => account)
  return { ask, underWay, accounts }
}

it('two count at a time, and of one account one', async () => {
  const { ask, underWay, accounts } = aCounter()
  const all = ['a', 'a', 'b', 'c'].map(ask)
  await vi.waitFor(() => expect(accounts()).toEqual(['a', 'b']))
  underWay[1]!.end()
  await vi.waitFor(() => expect(accounts()).toEqual(['a', 'b', 'c']))
  underWay[0]!.end()
  await vi.waitFor(() => expect(accounts()).toEqual(['a', 'b', 'c', 'a']))
  for (const { end } of underWay) end()
  expect(await Promise.all(all)).toEqual([7, 7, 7, 7])
})

it('an account that asks for too many at once is refused, and no other', async () => {
  const { ask, underWay, accounts } = aCounter()
  const asked = Array.from({ length: 5 }, () => ask('a'))
  expect(await ask('a')).toBeNull()
  const other = ask('b')
  await vi.waitFor(() => expect(accounts()).toEqual(['a', 'b']))
  for (let ended = 0; ended < 6; ended++) {
    await vi.waitFor(() => expect(underWay.length).toBeGreaterThan(ended))
    underWay[ended]!.end()
  }
  expect(await Promise.all([...asked, other])).toEqual([7, 7, 7, 7, 7, 7])
})

it('one that fails keeps nobody from counting', async () => {
  const { ask, underWay } = aCounter()
  const failing = ask('a')
  const next = ask('a')
  await vi.waitFor(() => expect(underWay).toHaveLength(1))
  underWay[0]!.end(new Error('away'))
  await expect(failing).rejects.toThrow('away')
  await vi.waitFor(() => expect(underWay).toHaveLength(2))
  underWay[1]!.end()
  expect(await next).toBe(7)
})
