import { childPointer, pointerOf } from './json-pointer.js'
import { Problem, type ProblemField } from './problem.js'

/** The part of a schema's complaint that is read here; zod's issues have it. */
export interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

// A batch of a thousand wrong events would otherwise answer with more than it asked.
const MOST_REPORTED = 50

/** 422: what is wrong with which field, for every field that is wrong. */
export function invalidRequest(issues: readonly Issue[], pointer = ''): Problem {
  return invalidFields(issues.flatMap((issue) => problemFields(issue, pointer)))
}

export function invalidFields(errors: ProblemField[]): Problem {
  const what =
    errors.length === 1 ? 'One field is not as it should be' : `${errors.length} fields are not as they should be`
  const detail = `${what}${errors.length > MOST_REPORTED ? `; the first ${MOST_REPORTED} are named` : ''}.`
  return new Problem(422, 'Invalid request', detail, { errors: errors.slice(0, MOST_REPORTED) })
}

/** One complaint as fields: an object with several unknown fields is one complaint and several fields. */
export function problemFields(issue: Issue, pointer = ''): ProblemField[] {
  const path = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step))
  const at = pointer + pointerOf(path)
  const unknownKeys = (issue as { keys?: unknown }).keys
  if (Array.isArray(unknownKeys)) {
    return unknownKeys.map((key) => ({ pointer: childPointer(at, String(key)), detail: 'is not a known field' }))
  }
  return [{ pointer: at, detail: inOurWords(issue.message) }]
}

function inOurWords(message: string): string {
  if (message.endsWith('received undefined')) return 'is required'
  return message.replace(/^Invalid (input|option): /, '').replace(/^expected /, 'must be ')
}
