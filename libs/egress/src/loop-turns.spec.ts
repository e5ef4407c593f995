import { expect, test } from 'vitest'
import { LoopTurns } from './loop-turns.js'

test('each piece begins in a turn of the event loop of its own, in the order in which they asked', async () => {
  const turns = new LoopTurns()
  const seen: string[] = []
  const pieces = [1, 2, 3].map(async (number) => {
    await turns.next()
    seen.push(`piece ${number}`)
  })
  const loop = (): void => {
    seen.push('turn')
    if (seen.length < 10) setImmediate(loop)
  }
  setImmediate(loop)
  seen.push('now')
  await Promise.all(pieces)
  expect(seen).toEqual(['now', 'piece 1', 'turn', 'piece 2', 'turn', 'piece 3'])
})

test('after a pause the next piece has its turn as well', async () => {
  const turns = new LoopTurns()
  await turns.next()
  await turns.next()
  await Promise.all([turns.next(), turns.next()])
})
