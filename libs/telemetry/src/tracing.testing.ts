import {
  type Context,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { type SpanAttributes, Tracing } from './tracing.js'

export interface ToldSpan {
  name: string
  kind: string
  traceId: string
  spanId: string
  /** Undefined where it begins a trace. */
  parentId: string | undefined
  attributes: SpanAttributes
  /** The message of the status ERROR. */
  failure: string | undefined
  /** Ms since the epoch, where they were told. */
  startedAt: number | undefined
  endedAt: number | undefined
  hasEnded: boolean
}

/** A tracer of OpenTelemetry's own interfaces, as SDKs make them, into a list. What is not sampled is not in there. */
export function aTracer(isSampled = true): { tracer: Tracer; spans: ToldSpan[] } {
  const spans: ToldSpan[] = []
  const startSpan = (name: string, options: SpanOptions = {}, context?: Context): Span => {
    const parent = context && trace.getSpanContext(context)
    const isChild = parent !== undefined && trace.isSpanContextValid(parent)
    const told: ToldSpan = {
      name,
      kind: SpanKind[options.kind ?? SpanKind.INTERNAL],
      traceId: isChild ? parent.traceId : nextId(32),
      spanId: nextId(16),
      parentId: isChild ? parent.spanId : undefined,
      attributes: {},
      failure: undefined,
      startedAt: (options.startTime as Date | undefined)?.getTime(),
      endedAt: undefined,
      hasEnded: false,
    }
    if (isSampled) spans.push(told)
    return new SpanOfTracer(told, isSampled)
  }
  const startActiveSpan = () => {
    throw new Error('nothing of ours makes a span the active one')
  }
  return { tracer: { startSpan, startActiveSpan }, spans }
}

export function aTracing(isSampled = true): { tracing: Tracing; spans: ToldSpan[] } {
  const { tracer, spans } = aTracer(isSampled)
  return { tracing: new Tracing(tracer), spans }
}

let ids = 0
const nextId = (length: number) => (++ids).toString(16).padStart(length, '0')

class SpanOfTracer implements Span {
  constructor(
    private readonly told: ToldSpan,
    private readonly isSampled: boolean,
  ) {}

  spanContext(): SpanContext {
    const { traceId, spanId } = this.told
    return { traceId, spanId, traceFlags: this.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE }
  }

  isRecording(): boolean {
    return this.isSampled && !this.told.hasEnded
  }

  setAttribute(name: string, value: string | number): this {
    return this.setAttributes({ [name]: value })
  }

  setAttributes(attributes: SpanAttributes): this {
    this.#mustNotHaveEnded()
    Object.assign(this.told.attributes, attributes)
    return this
  }

  setStatus({ code, message }: SpanStatus): this {
    this.#mustNotHaveEnded()
    this.told.failure = code === SpanStatusCode.ERROR ? message : undefined
    return this
  }

  end(endTime?: Date): void {
    this.#mustNotHaveEnded()
    this.told.hasEnded = true
    this.told.endedAt = endTime?.getTime()
  }

  addEvent = this.#unused
  addLink = this.#unused
  addLinks = this.#unused
  updateName = this.#unused
  recordException = this.#unused

  #unused(): never {
    throw new Error('nothing of ours uses this')
  }

  #mustNotHaveEnded(): void {
    if (this.told.hasEnded) throw new Error(`${this.told.name} has ended`)
  }
}
