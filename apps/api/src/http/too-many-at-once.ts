import { Problem } from './problem.js'

/** Not the rate, which the guard counts, but what is under way at the same time. @param detail what to do about it */
export function tooManyAtOnce(detail: string): Problem {
  return new Problem(429, 'Too many at once', detail, { headers: { 'retry-after': '1' } })
}
