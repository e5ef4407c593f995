import { describe, expect, it } from 'vitest'
import { InflightRequests, withInflightRequests } from './inflight-requests.js'

describe('InflightRequests', () => {
  it('finds each request by its number until it is answered', () => {
    const inflight = new InflightRequests()
    const [first, second] = [{ correlationId: 7 }, { correlationId: 8 }]
    inflight.set(7, first)
    inflight.set(8, second)
    expect([inflight.get(7), inflight.get(8)]).toEqual([first, second])
    expect([7, 8, 9].map((correlationId) => inflight.has(correlationId))).toEqual([true, true, false])
    inflight.delete(7)
    inflight.delete(7)
    expect(inflight.has(7)).toBe(false)
    expect(inflight.get(7)).toBeUndefined()
    expect(inflight.values()).toEqual([second])
    expect(inflight.size).toBe(1)
    inflight.clear()
    expect(inflight.size).toBe(0)
  })

  it('may lose requests while it is gone through', () => {
    const inflight = new InflightRequests()
    for (const correlationId of [1, 2, 3]) inflight.set(correlationId, { correlationId })
    const seen: number[] = []
    inflight.forEach(({ correlationId }) => {
      seen.push(correlationId)
      inflight.delete(correlationId)
    })
    expect(seen).toEqual([1, 2, 3])
    expect(inflight.size).toBe(0)
  })

  it('takes the place of the Map that the queue makes for itself', () => {
    const Queue = withInflightRequests(
      class {
        inflight: unknown = new Map()
      },
    )
    expect(new Queue({}).inflight).toBeInstanceOf(InflightRequests)
  })
})
