import { expect, it } from 'vitest'
import type { PlannedDelivery, SentMark } from '#postgres'
import { isFarAhead, withPage } from './sent-ahead.js'

function last(n: number): PlannedDelivery {
  return { eventId: `evt_${n}`, eventType: 'context.updated', acceptedAt: n, chain: 0 }
}

function pages(sizes: number[], limit: number): SentMark[] {
  return sizes.reduce<SentMark[]>((ahead, sent, n) => withPage(ahead, { sent, last: last(n) }, limit), [])
}

it('two seconds of the rate and what a lane holds may be on their way', () => {
  expect(isFarAhead(pages([100], 100), 100, 100)).toBe(false)
  expect(isFarAhead(pages([100, 100], 100), 64, 100)).toBe(false)
  expect(isFarAhead(pages([100, 100], 100), 65, 100)).toBe(true)
  expect(isFarAhead(pages(Array<number>(65).fill(1), 1), 1, 1)).toBe(false)
  expect(isFarAhead(pages(Array<number>(66).fill(1), 1), 1, 1)).toBe(true)
})

it('each page has its last delivery as a mark, and small ones share one', () => {
  expect(pages([100, 80, 100], 100).map(({ eventId, sent }) => [eventId, sent])).toEqual([
    ['evt_0', 100],
    ['evt_1', 80],
    ['evt_2', 100],
  ])
  const sparse = pages(Array<number>(264).fill(1), 100)
  expect(sparse.map(({ sent }) => sent)).toEqual([50, 50, 50, 50, 50, 14])
  expect(sparse[0]!.eventId).toBe('evt_49')
})

it('a page of which nothing was there to send leaves no mark', () => {
  expect(withPage([], { sent: 0, last: undefined }, 100)).toEqual([])
})
