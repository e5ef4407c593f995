import { describe, expect, it } from 'vitest'
import { traceIdOf, traceparentOf } from './trace-context.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'

describe('traceparentOf', () => {
  it('passes on a valid one', () => {
    const traceparent = `00-${TRACE}-b7ad6b7169203331-01`
    expect(traceparentOf({ traceparent })).toBe(traceparent)
    expect(traceIdOf({ traceparent })).toBe(TRACE)
  })

  it.each([
    undefined,
    '',
    'x',
    `00-${TRACE}-b7ad6b7169203331`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-b7ad6b7169203331-01`,
    `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`,
  ])('begins a trace of its own for %j', (traceparent) => {
    expect(traceparentOf({ traceparent })).toBeUndefined()
    expect(traceIdOf({ traceparent })).toMatch(/^[0-9a-f]{32}$/)
    expect(traceIdOf({ traceparent })).not.toBe(traceIdOf({ traceparent }))
  })
})
