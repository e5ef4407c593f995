import { expect, it } from 'vitest'
import { type BegunRequest, disorderlyTakeovers, takeoversIn } from './ownership.js'

const called = (pid: number, startedAt: number, until = startedAt + 10): BegunRequest => ({
  path: '/a',
  pid,
  startedAt,
  until,
})

it('sees no takeover while one process calls', () => {
  expect(takeoversIn([called(1, 0), called(1, 5), called(1, 20)])).toEqual([])
})

it('sees for how long the old owner still had a request under way', () => {
  const takeovers = takeoversIn([called(1, 0), called(1, 90, 400), called(2, 100), called(2, 500)])
  expect(takeovers).toEqual([{ path: '/a', from: 1, to: 2, at: 100, overlapMs: 300 }])
})

it('allows one takeover after each change of the members', () => {
  const takeovers = takeoversIn([called(1, 0), called(2, 100), called(1, 300)])
  expect(disorderlyTakeovers(takeovers, [50, 200])).toEqual([])
})

it('tells of processes that call in turns', () => {
  const takeovers = takeoversIn([called(1, 0), called(2, 100), called(1, 105), called(2, 110)])
  expect(disorderlyTakeovers(takeovers, [50])).toHaveLength(2)
})

it('tells of a takeover although no member came or left', () => {
  expect(disorderlyTakeovers(takeoversIn([called(1, 0), called(2, 100)]), [150])).toHaveLength(1)
})

it('counts each webhook for itself', () => {
  const other = (pid: number, at: number) => ({ ...called(pid, at), path: '/b' })
  const takeovers = takeoversIn([called(1, 0), other(1, 1), called(2, 100), other(2, 101)])
  expect(takeovers).toHaveLength(2)
  expect(disorderlyTakeovers(takeovers, [50])).toEqual([])
})
