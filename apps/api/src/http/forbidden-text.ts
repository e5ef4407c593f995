import { pointerOf } from './json-pointer.js'
import type { ProblemField } from './problem.js'

/**
 * Finds NUL characters and lone surrogates: valid JSON that Postgres cannot store and many receivers cannot read.
 * In a text that is valid UTF-8 only an escape can bring either, so that nearly every body costs one search.
 * The value must not be deeper than a call stack.
 */
export function forbiddenText(json: string, value: unknown): ProblemField[] {
  if (!json.includes('\\u')) return []
  const found: ProblemField[] = []
  visit(value, [], found)
  return found
}

// A body may hold millions of faults; nobody reads more than a few.
const MOST_REPORTED = 50

function visit(value: unknown, path: PropertyKey[], found: ProblemField[]): void {
  if (found.length >= MOST_REPORTED) return
  if (typeof value === 'string') {
    const detail = problemOf(value)
    if (detail) found.push({ pointer: pointerOf(path), detail })
  } else if (typeof value === 'object' && value !== null) {
    for (const key in value) {
      const detail = problemOf(key)
      // The key itself cannot be repeated in an answer: its owner is named.
      if (detail) found.push({ pointer: pointerOf(path), detail: `has a field whose name ${detail}` })
      path.push(key)
      visit((value as Record<string, unknown>)[key], path, found)
      path.pop()
    }
  }
}

function problemOf(text: string): string | undefined {
  if (text.includes('\0')) return 'contains the NUL character'
  // With the flag u a pair is one character, so that only halves are surrogates.
  if (/\p{Surrogate}/u.test(text)) return 'contains half of a surrogate pair'
  return undefined
}
