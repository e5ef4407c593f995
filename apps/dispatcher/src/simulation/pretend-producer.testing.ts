import { ProduceFailed } from '#kafka'
import type { Message } from '#topics'
import type { Chance } from './chance.testing.js'
import { never, passed } from './pretend-clock.testing.js'

const PACE_MS = 25

/** What the brokers are like to write to. */
export interface Writing {
  /** Nothing is appended before, ms since the epoch. */
  awayUntil: number
  /** Of a hundred acknowledgements so many come seconds late. */
  lateIn100: number
}

/** Appends in order and together, like the real one; an acknowledgement may come long after its records are read. */
export class PretendProducer {
  #waiting: { messages: Message[]; resolve(): void; reject(error: Error): void }[] = []
  #isClosed = false
  #isCutOff = false

  constructor(
    private readonly append: (message: Message) => void,
    private readonly writing: Writing,
    private readonly chance: Chance,
  ) {}

  send(messages: Message[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new ProduceFailed('closed', 'closed'))
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) void this.#write()
      this.#waiting.push({ messages, resolve, reject })
    })
  }

  close(): void {
    this.#isClosed = true
  }

  /** What waits is not written, and what was written is not acknowledged. */
  cutOff(): void {
    this.#isCutOff = true
  }

  async #write(): Promise<void> {
    await this.#passed(PACE_MS)
    while (this.writing.awayUntil > Date.now()) await this.#passed(100)
    const sends = this.#waiting
    this.#waiting = []
    const closed = new ProduceFailed('closed', 'closed')
    if (this.#isClosed) return sends.forEach(({ reject }) => reject(closed))
    for (const { messages } of sends) messages.forEach((message) => this.append(message))
    await this.#passed(
      this.chance.in100(this.writing.lateIn100) ? this.chance.from(500, 6_000) : this.chance.from(1, 10),
    )
    for (const { resolve, reject } of sends) {
      if (this.#isClosed) reject(closed)
      else resolve()
    }
  }
  async #passed(ms: number): Promise<void> {
    await passed(ms)
    if (this.#isCutOff) await never()
  }
}
