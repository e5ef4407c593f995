import { STATUS_CODES } from 'node:http'

/** One thing that is wrong with a request; `pointer` is a JSON pointer into the body, such as `/events/17/type`. */
export interface ProblemField {
  pointer: string
  detail: string
}

export interface ProblemExtras {
  errors?: ProblemField[]
  headers?: Record<string, string>
}

/** An answer that is not the one hoped for, as RFC 9457 writes it. What a stranger reads: no internals in the detail. */
export class Problem extends Error {
  override name = 'Problem'
  readonly errors: ProblemField[] | undefined
  readonly headers: Record<string, string>

  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    extras: ProblemExtras = {},
  ) {
    super(detail)
    this.errors = extras.errors
    this.headers = extras.headers ?? {}
  }
}

/** The document of an `application/problem+json` answer. */
export interface ProblemDocument {
  type: string
  title: string
  status: number
  detail: string
  /** The path that was asked for, without its query, which may hold more than a log should. */
  instance: string
  trace_id: string
  errors?: ProblemField[]
}

export function problemDocument(problem: Problem, instance: string, traceId: string): ProblemDocument {
  const { status, title, detail, errors } = problem
  return {
    type: problemType(status, title),
    title,
    status,
    detail,
    instance,
    trace_id: traceId,
    ...(errors !== undefined && { errors }),
  }
}

/** `about:blank` says no more than the status does; anything with a title of its own can be told apart by its type. */
function problemType(status: number, title: string): string {
  if (title === STATUS_CODES[status]) return 'about:blank'
  return `urn:contextfile:problem:${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`
}
