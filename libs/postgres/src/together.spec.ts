import { describe, expect, it } from 'vitest'
import { together } from './together.js'

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
