import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { whileBeating } from './while-beating.js'

const forever = new Promise<void>(() => undefined)

describe('whileBeating', () => {
  it('beats until the work is done', async () => {
    let beats = 0
    let done: () => void = () => undefined
    const work = new Promise<void>((resolve) => (done = resolve))
    const beat = async () => {
      if (++beats === 3) done()
    }
    const { signal } = new AbortController()
    await whileBeating(work, beat, 1, signal)
    expect(beats).toBe(3)
    // The signal lives as long as the consumer, through many such waits.
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it.each(['REBALANCE_IN_PROGRESS', 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'])('lets go on %s', async (type) => {
    const error = Object.assign(new Error(type), { type })
    const waiting = whileBeating(forever, () => Promise.reject(error), 1, new AbortController().signal)
    await expect(waiting).rejects.toBe(error)
  })

  it('goes on when a heartbeat is lost with its connection', async () => {
    let beats = 0
    let done: () => void = () => undefined
    const work = new Promise<void>((resolve) => (done = resolve))
    const beat = () => {
      if (++beats === 3) done()
      return Promise.reject(new Error('connection lost'))
    }
    await whileBeating(work, beat, 1, new AbortController().signal)
    expect(beats).toBeGreaterThanOrEqual(3)
  })

  it('lets go at the signal', async () => {
    const closing = new AbortController()
    const waiting = whileBeating(forever, () => Promise.resolve(), 1_000, closing.signal)
    closing.abort()
    await waiting
  })
})
