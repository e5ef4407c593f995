import { describe, expect, it } from 'vitest'
import { together, togetherInTurns } from './together.js'

const failed = (code: string) => Object.assign(new Error(code), { code })
const NO_PARTITION = failed('23514')
const ABORTED = failed('25P02')

describe('together', () => {
  it('answers in the order of the questions', async () => {
    const slow = new Promise((resolve) => setImmediate(resolve, 1))
    expect(await together(slow, Promise.resolve('two'))).toEqual([1, 'two'])
  })

  it('rejects with what failed, not with what was refused because of it', async () => {
    await expect(together(Promise.reject(ABORTED), Promise.reject(NO_PARTITION))).rejects.toBe(NO_PARTITION)
    await expect(together(Promise.reject(ABORTED), Promise.resolve(1))).rejects.toBe(ABORTED)
  })

  it('finds it also within another', async () => {
    const inner = together(Promise.reject(ABORTED), Promise.reject(NO_PARTITION))
    await expect(together(Promise.reject(ABORTED), inner)).rejects.toBe(NO_PARTITION)
  })

  it('does not reject before all have ended', async () => {
    const ended: string[] = []
    const slow = new Promise((resolve) => setImmediate(resolve)).then(() => ended.push('slow'))
    await together(Promise.reject(NO_PARTITION), slow).catch(() => ended.push('all'))
    expect(ended).toEqual(['slow', 'all'])
  })
})

describe('togetherInTurns', () => {
  it('begins each in a turn of its own, and waits for no answer in between', async () => {
    const seen: string[] = []
    const loop = (): void => {
      seen.push('turn')
      if (seen.length < 10) setImmediate(loop)
    }
    let answer!: (value: number) => void
    const first = new Promise<number>((resolve) => (answer = resolve))
    const ask = (name: string, answered: Promise<unknown>) => () => {
      seen.push(name)
      return answered
    }
    setImmediate(loop)
    const answers = togetherInTurns(ask('one', first), ask('two', Promise.resolve(2)), async () => {
      seen.push('three')
      answer(1)
      return 3
    })
    expect(await answers).toEqual([1, 2, 3])
    expect(seen.slice(0, 5)).toEqual(['one', 'turn', 'two', 'turn', 'three'])
  })

  it('rejects when all have ended, also where the first failed before the last had begun', async () => {
    const ended: string[] = []
    const outcome = togetherInTurns(
      () => Promise.reject(NO_PARTITION),
      async () => {
        ended.push('second')
        throw ABORTED
      },
    )
    await expect(outcome).rejects.toBe(NO_PARTITION)
    expect(ended).toEqual(['second'])
  })
})
