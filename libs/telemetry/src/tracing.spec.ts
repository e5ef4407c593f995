import { createRequire } from 'node:module'
import * as OpenTelemetry from '@opentelemetry/api'
import { afterEach, describe, expect, it } from 'vitest'
import { type Span, Tracing, createTracing } from './tracing.js'
import { aTracer, aTracing } from './tracing.testing.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PRODUCER = `00-${TRACE}-b7ad6b7169203331-01`

describe('without an SDK', () => {
  it('there are no spans, and nothing is asked of OpenTelemetry', () => {
    expect(createTracing()).toBe(Tracing.off)
    expect(Tracing.off.isOn).toBe(false)
    expect(Tracing.off.start('event.accept', PRODUCER)).toBeUndefined()
    expect(Tracing.off.start('event.accept', undefined)).toBeUndefined()
  })
})

describe('an SDK that was loaded before us', () => {
  /** Not the copy of the API that we import: an SDK brings its own. */
  const { trace } = createRequire(import.meta.url)('@opentelemetry/api') as typeof OpenTelemetry
  /** Where copies of the API find each other. */
  const shared = globalThis as unknown as Record<symbol, unknown>
  const KEY = Symbol.for('opentelemetry.js.api.1')
  afterEach(() => void trace.disable())

  it('gets our spans', () => {
    const { tracer, spans } = aTracer()
    trace.setGlobalTracerProvider({ getTracer: () => tracer })
    const tracing = createTracing()
    expect(tracing.isOn).toBe(true)
    tracing.start('delivery.attempt', PRODUCER)!.end()
    expect(spans).toMatchObject([{ name: 'delivery.attempt', traceId: TRACE, hasEnded: true }])
  })

  it('with an older API than ours gets none, and we know it', () => {
    const { tracer } = aTracer()
    const before = shared[KEY]
    shared[KEY] = { version: '1.0.0', trace: { getTracer: () => tracer } }
    try {
      expect(createTracing().isOn).toBe(false)
    } finally {
      shared[KEY] = before
    }
  })
})

describe('a span', () => {
  it('is a child of what the record came with, and the parent of what the next record leads to', () => {
    const { tracing, spans } = aTracing()
    let traceparent: string | undefined = PRODUCER
    for (const name of ['event.accept', 'event.fan_out', 'delivery.attempt'] as const) {
      const span: Span = tracing.start(name, traceparent)!
      traceparent = span.traceparent
      span.end()
    }
    expect(spans.map(({ name, kind }) => [name, kind])).toEqual([
      ['event.accept', 'PRODUCER'],
      ['event.fan_out', 'CONSUMER'],
      ['delivery.attempt', 'CLIENT'],
    ])
    expect(spans.map(({ parentId }) => parentId)).toEqual(['b7ad6b7169203331', spans[0]!.spanId, spans[1]!.spanId])
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]))
    expect(traceparent).toBe(`00-${TRACE}-${spans[2]!.spanId}-01`)
  })

  it.each([undefined, '', 'a word', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])(
    'begins a trace where nothing that is one came in: %j',
    (traceparent) => {
      const { tracing, spans } = aTracing()
      const span = tracing.start('event.fan_out', traceparent)!
      expect(spans[0]!.parentId).toBeUndefined()
      expect(span.traceparent).toBe(`00-${spans[0]!.traceId}-${spans[0]!.spanId}-01`)
    },
  )

  it('that was not sampled is not to be described, and tells who comes next', () => {
    const { tracing, spans } = aTracing(false)
    const span = tracing.start('event.accept', PRODUCER)!
    expect(span.isRecorded).toBe(false)
    expect(span.traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!b7ad6b7169203331)[0-9a-f]{16}-00$`))
    expect(spans).toEqual([])
  })

  it('hands on what came in where the provider gives it no ids', () => {
    const { INVALID_SPAN_CONTEXT, trace } = OpenTelemetry
    const tracing = new Tracing({ ...aTracer().tracer, startSpan: () => trace.wrapSpanContext(INVALID_SPAN_CONTEXT) })
    expect(tracing.start('event.accept', undefined)!.traceparent).toBeUndefined()
    expect(tracing.start('event.accept', PRODUCER)!.traceparent).toBe(PRODUCER)
  })

  it('has its times and its failure where they are told', () => {
    const { tracing, spans } = aTracing()
    tracing.start('delivery.attempt', undefined, 1_000)!.end('timeout', 6_000)
    tracing.start('delivery.attempt', undefined)!.end()
    expect(spans).toMatchObject([
      { startedAt: 1_000, endedAt: 6_000, failure: 'timeout', attributes: { 'error.type': 'timeout' } },
      { startedAt: undefined, endedAt: undefined, failure: undefined, attributes: {}, hasEnded: true },
    ])
  })
})
