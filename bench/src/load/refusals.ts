import type { PostAnswer } from './api-poster.js'

/** Requests that the API did not answer with 202, by what they came to. */
export class Refusals {
  readonly #counts = new Map<string, number>()
  total = 0

  /** @returns whether the event was accepted */
  note(answer: PostAnswer): boolean {
    if (answer === 202) return true
    const what = typeof answer === 'number' ? `status ${answer}` : answer.message
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    this.total++
    return false
  }

  /** For people: `12 × status 503, 1 × other side closed`. */
  toString(): string {
    return [...this.#counts].map(([what, count]) => `${count} × ${what}`).join(', ')
  }
}
