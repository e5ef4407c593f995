import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** A W3C traceparent of the version we know, not one of the all-zero ids that it forbids. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The caller's trace, to be passed on with what it caused; undefined without a valid one. */
export function traceparentOf(headers: IncomingHttpHeaders): string | undefined {
  const value = headers.traceparent
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined
}

/** What `trace_id` says in problems and logs: the caller's trace, or one that begins here. */
export function traceIdOf(headers: IncomingHttpHeaders): string {
  return traceparentOf(headers)?.slice(3, 35) ?? randomUUID().replaceAll('-', '')
}
