import {
  type Context,
  ProxyTracer,
  ROOT_CONTEXT,
  type Span as SpanOfSdk,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  isSpanContextValid,
  trace,
} from '@opentelemetry/api'

/** What there are spans of. */
const KINDS = {
  'event.accept': SpanKind.PRODUCER,
  'event.fan_out': SpanKind.CONSUMER,
  'delivery.attempt': SpanKind.CLIENT,
} as const satisfies Record<string, SpanKind>

export type SpanName = keyof typeof KINDS

/** Ids, numbers and words of closed lists. Never a secret, a body, or more of a URL than its host. */
export type SpanAttributes = Record<string, string | number>

/**
 * Spans for whoever loaded an OpenTelemetry SDK into the process; we bring none along. Without one there are no spans, and
 * all that it costs is to ask.
 */
export class Tracing {
  static readonly off = new Tracing(undefined)

  constructor(private readonly tracer: Tracer | undefined) {}

  get isOn(): boolean {
    return this.tracer !== undefined
  }

  /**
   * @param traceparent of the record or request that this follows from; undefined begins a trace
   * @param startedAt ms since the epoch; now unless told
   * @returns undefined where nobody traces: what came in travels on then as it is
   */
  start(name: SpanName, traceparent: string | undefined, startedAt?: number): Span | undefined {
    if (this.tracer === undefined) return undefined
    const options = { kind: KINDS[name], ...(startedAt !== undefined && { startTime: new Date(startedAt) }) }
    return new Span(this.tracer.startSpan(name, options, contextOf(traceparent)), traceparent)
  }
}

/**
 * To be called once, at the start: an SDK is loaded before us, by `--import` or `--require`, or not at all. One whose
 * `@opentelemetry/api` is older than ours does not count for it, and is not seen here.
 */
export function createTracing(): Tracing {
  const tracer = trace.getTracer('contextfile-webhooks')
  // What the API gives out for as long as no provider is registered.
  return tracer instanceof ProxyTracer ? Tracing.off : new Tracing(tracer)
}

export class Span {
  constructor(
    private readonly span: SpanOfSdk,
    private readonly cameIn: string | undefined,
  ) {}

  /** W3C trace context for the records that this leads to, also where the span itself is not recorded. */
  get traceparent(): string | undefined {
    const context = this.span.spanContext()
    if (!isSpanContextValid(context)) return this.cameIn
    return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, '0')}`
  }

  /** To be asked before attributes are made: false for a span that was not sampled. */
  get isRecorded(): boolean {
    return this.span.isRecording()
  }

  describe(attributes: SpanAttributes): void {
    this.span.setAttributes(attributes)
  }

  /**
   * @param failure the reason, from a closed list; undefined where all went well
   * @param endedAt ms since the epoch; now unless told
   */
  end(failure?: string, endedAt?: number): void {
    if (failure !== undefined) {
      this.span.setAttribute('error.type', failure)
      this.span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
    }
    this.span.end(endedAt === undefined ? undefined : new Date(endedAt))
  }
}

/**
 * Never the context that happens to be active: rounds and lanes are shared, and it would be another delivery's. What is no
 * traceparent begins a trace, which SDKs see to.
 */
function contextOf(traceparent: string | undefined): Context {
  if (traceparent === undefined) return ROOT_CONTEXT
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53), 16),
    isRemote: true,
  })
}
