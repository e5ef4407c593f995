// Stands in for an OpenTelemetry SDK, and is loaded as one: NODE_OPTIONS="--require …". Each span that ends becomes a line
// of JSON in SPANS_FILE. It has a copy of the API of its own, as SDKs do: this is the CommonJS one, ours the module.
const { randomBytes } = require('node:crypto')
const { appendFileSync } = require('node:fs')
const { SpanKind, SpanStatusCode, trace } = require('@opentelemetry/api')

class Span {
  attributes = {}

  constructor(name, kind, parent) {
    this.name = name
    this.kind = SpanKind[kind]
    this.traceId = parent?.traceId ?? randomBytes(16).toString('hex')
    this.spanId = randomBytes(8).toString('hex')
    this.parentId = parent?.spanId
  }

  spanContext() {
    return { traceId: this.traceId, spanId: this.spanId, traceFlags: 1 }
  }

  isRecording() {
    return true
  }

  setAttribute(name, value) {
    return this.setAttributes({ [name]: value })
  }

  setAttributes(attributes) {
    Object.assign(this.attributes, attributes)
    return this
  }

  setStatus({ code, message }) {
    if (code === SpanStatusCode.ERROR) this.failure = message
    return this
  }

  end() {
    appendFileSync(process.env.SPANS_FILE, `${JSON.stringify(this)}\n`)
  }
}

const startSpan = (name, { kind }, context) => {
  const parent = trace.getSpanContext(context)
  return new Span(name, kind, parent && trace.isSpanContextValid(parent) ? parent : undefined)
}

trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) })
