import type { ApiKeyStore } from '#postgres'
import type { KnownKeys } from './known-keys.js'

export type ReadKeyStore = Pick<ApiKeyStore, 'activeKeys' | 'activeKeysWith' | 'changes'>

/**
 * Brings what Postgres says into the known keys. One question at a time, whichever it is: an answer that is older than
 * one before it could bring back a key that was revoked. Each is small, so that none waits long behind another.
 */
export class KeyReader {
  #lastTurn: Promise<unknown> = Promise.resolve()
  #isStopped = false
  #asked = new Set<string>()
  #nextLook: Promise<void> | undefined
  #position: Awaited<ReturnType<ApiKeyStore['changes']>>['next'] | undefined

  constructor(
    private readonly store: ReadKeyStore,
    private readonly known: KnownKeys,
  ) {}

  /** What was made or revoked since the last time. */
  async readChanges(): Promise<void> {
    let isLast = false
    while (!isLast && !this.#isStopped) isLast = await this.#inTurn(() => this.#readNextChanges())
  }

  /** Everything, page by page; afterwards nothing is known that is not there any more. */
  async readAll(): Promise<void> {
    this.known.beginRound()
    let last: string | undefined = ''
    while (last !== undefined && !this.#isStopped) last = await this.#readPageAfter(last)
    if (!this.#isStopped) await this.known.endRound()
  }

  /** A reading that is under way ends with the page at hand. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * One key alone. All that are asked for until its turn comes share one query, but none shares a query that was sent
   * before: that may have been before the key was made.
   */
  lookFor(hash: string): Promise<void> {
    this.#asked.add(hash)
    this.#nextLook ??= this.#inTurn(() => this.#readAsked())
    return this.#nextLook
  }

  async #readNextChanges(): Promise<boolean> {
    const { active, revoked, next, isLast } = await this.store.changes(this.#position)
    this.known.add(active)
    this.known.remove(revoked)
    this.#position = next
    return isLast
  }

  /** The last id of the page; undefined behind the last one. */
  #readPageAfter(id: string): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const keys = await this.store.activeKeys(id)
      this.known.add(keys)
      return keys.at(-1)?.id
    })
  }

  async #readAsked(): Promise<void> {
    const asked = [...this.#asked]
    this.#asked.clear()
    this.#nextLook = undefined
    this.known.add(await this.store.activeKeysWith(asked))
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(read)
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }
}
