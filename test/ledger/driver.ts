import { setTimeout as sleep } from 'node:timers/promises'
import type { ContextEventType } from '#domain'
import type { LedgerEvent } from './ledger.js'
import { SeededRandom } from './seeded-random.js'

export interface DriverOptions {
  seed: number
  apiUrl: string
  producerKey: string
  accountId: string
  eventsPerSecond: number
  /** How often each type is posted, in proportion. */
  weights: Partial<Record<ContextEventType, number>>
}

/** Posts of one event and of several, about half of each; mean of events per post. */
const BATCH = { least: 2, most: 12, share: 0.5 }
const MEAN_PER_POST = BATCH.share * ((BATCH.least + BATCH.most) / 2) + (1 - BATCH.share)
/** Longer than the API takes to say 503; what it does not answer meanwhile is unknown. */
const ANSWER_LIMIT_MS = 5_000
const REPEAT_AFTER_MS = 500
/** Senders that wait for an answer; while so many do, the rate is not kept and nothing is made up for. */
const MOST_OUTSTANDING = 24

type PostedEvent = LedgerEvent & { request: object }

/**
 * A producer as the contract asks for: ids of its own, every answer on record before it goes on, and whatever was not
 * accepted is posted again with the same ids until it is.
 */
export class Driver {
  readonly events: LedgerEvent[] = []
  /** Answers that the contract does not know. */
  readonly incidents: string[] = []
  readonly #random: SeededRandom
  readonly #outstanding = new Set<Promise<void>>()
  readonly #types: ContextEventType[]
  #running: Promise<void> | undefined
  #isStopping = false
  #giveUpAt = Infinity

  constructor(private readonly options: DriverOptions) {
    this.#random = new SeededRandom(`driver ${options.seed}`)
    this.#types = Object.entries(options.weights).flatMap(([type, weight]) =>
      Array<ContextEventType>(weight).fill(type as ContextEventType),
    )
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Posts nothing new, and repeats what is unknown for at most `patienceMs`. */
  async stop(patienceMs: number): Promise<void> {
    this.#isStopping = true
    this.#giveUpAt = Date.now() + patienceMs
    await this.#running
    await Promise.all(this.#outstanding)
  }

  async #run(): Promise<void> {
    const everyMs = (1_000 * MEAN_PER_POST) / this.options.eventsPerSecond
    for (let due = Date.now(); !this.#isStopping; due += everyMs) {
      const waitMs = due - Date.now()
      if (waitMs > 0) await sleep(waitMs)
      else if (waitMs < -everyMs) due = Date.now()
      if (this.#outstanding.size < MOST_OUTSTANDING) this.#track(this.#postUntilAccepted(this.#nextEvents()))
    }
  }

  #track(sending: Promise<void>): void {
    this.#outstanding.add(sending)
    void sending.finally(() => this.#outstanding.delete(sending))
  }

  #nextEvents(): PostedEvent[] {
    const isBatch = this.#random.chance(BATCH.share)
    const count = isBatch ? this.#random.between(BATCH.least, BATCH.most) : 1
    return Array.from({ length: count }, () => {
      const event = this.#nextEvent()
      this.events.push(event)
      return event
    })
  }

  #nextEvent(): PostedEvent {
    const { seed, accountId } = this.options
    const number = String(this.events.length).padStart(6, '0')
    const id = `evt_ledger-${seed}-${number}-${this.#random.between(0, 0xffffff).toString(16)}`
    const type = this.#random.pick(this.#types)
    const created_at = new Date().toISOString()
    const context = {
      id: `550e8400-e29b-41d4-a716-${String(this.#random.between(1, 500)).padStart(12, '0')}`,
      name: this.#random.pick(['My AI Assistant', 'naïve – “quotes” \\ / \u2028 😀', '{"a":1}', 'x'.repeat(600)]),
      slug: 'my-ai-assistant',
      updated_at: created_at,
    }
    const body = JSON.stringify({ id, type, created_at, data: { context } })
    return { id, type, body, posts: [], request: { account_id: accountId, id, type, created_at, context } }
  }

  async #postUntilAccepted(events: PostedEvent[]): Promise<void> {
    for (;;) {
      const at = Date.now()
      const answer = await this.#post(events)
      for (const { posts } of events) posts.push({ at, answer: answer === 'accepted' ? answer : 'unknown' })
      if (answer !== 'unknown' || Date.now() > this.#giveUpAt) return
      await sleep(REPEAT_AFTER_MS)
    }
  }

  async #post(events: PostedEvent[]): Promise<'accepted' | 'unknown' | 'refused'> {
    const [path, body] =
      events.length === 1
        ? ['/v1/events', events[0]!.request]
        : ['/v1/events/batch', { events: events.map(({ request }) => request) }]
    const answer = await this.#ask(path, JSON.stringify(body))
    if (!answer || answer.status === 503) return 'unknown'
    const { status, text } = answer
    if (status !== 202) this.incidents.push(`POST ${path} answered ${status}: ${text.slice(0, 300)}`)
    else if (idsIn(text) !== events.map(({ id }) => id).join()) {
      this.incidents.push(`POST ${path} answered other ids than were posted: ${text.slice(0, 300)}`)
    }
    return status === 202 ? 'accepted' : 'refused'
  }

  /** @returns undefined without an answer: the connection was refused or lost, or nothing came in time */
  async #ask(path: string, body: string): Promise<{ status: number; text: string } | undefined> {
    try {
      const answer = await fetch(this.options.apiUrl + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.options.producerKey}`, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      })
      return { status: answer.status, text: await answer.text() }
    } catch {
      return undefined
    }
  }
}

function idsIn(text: string): string {
  const answer = JSON.parse(text) as { id?: string; data?: { id: string }[] }
  return (answer.data ?? [answer]).map(({ id }) => id).join()
}
