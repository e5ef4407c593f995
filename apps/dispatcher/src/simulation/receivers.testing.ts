import type { AttemptOutcome } from '#domain'
import type { Chance } from './chance.testing.js'

/** How a receiver answers; `our fault`: no request is made at all. */
export type Manner =
  'well' | 'in a while' | 'slowly' | 'badly' | 'by turns' | 'never' | 'asks for a pause' | 'gone' | 'our fault'

/** For the dice: good ones are more frequent. */
export const manners: Manner[] = [
  'well',
  'well',
  'well',
  'slowly',
  'badly',
  'by turns',
  'never',
  'asks for a pause',
  'gone',
  'our fault',
]

const TIMEOUT_MS = 5_000
const WELL: AttemptOutcome = { kind: 'succeeded', status: 200 }

export interface Answer {
  result: AttemptOutcome | null
  afterMs: number
}

/** The customers' servers, by webhook. */
export class Receivers {
  readonly #manners = new Map<string, Manner>()

  constructor(private readonly chance: Chance) {}

  become(webhookId: string, manner: Manner): void {
    this.#manners.set(webhookId, manner)
  }

  answer(webhookId: string): Answer {
    const { chance } = this
    const soon = chance.from(1, 60)
    switch (this.#manners.get(webhookId) ?? 'well') {
      case 'well':
        return { result: WELL, afterMs: soon }
      case 'in a while':
        return { result: WELL, afterMs: chance.from(100, 400) }
      case 'slowly':
        return { result: WELL, afterMs: chance.from(500, 2_500) }
      case 'badly':
        return { result: { kind: 'failed', reason: 'http_status', status: 500 }, afterMs: soon }
      case 'by turns':
        return { result: chance.in100(50) ? WELL : { kind: 'failed', reason: 'connection_lost' }, afterMs: soon }
      case 'never':
        return { result: { kind: 'failed', reason: 'timeout' }, afterMs: TIMEOUT_MS }
      case 'asks for a pause': {
        const retryAfterMs = chance.from(1, 60) * 1_000
        return { result: { kind: 'failed', reason: 'http_status', status: 429, retryAfterMs }, afterMs: soon }
      }
      case 'gone':
        return { result: { kind: 'refused', reason: 'gone', status: 410 }, afterMs: soon }
      case 'our fault':
        return { result: null, afterMs: 5 }
    }
  }
}
