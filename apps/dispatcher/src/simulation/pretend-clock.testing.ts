import { afterEach, beforeEach, vi } from 'vitest'
import { DueHeap } from '../intake/due-heap.js'

const BEGINNING = 1_700_000_000_000

/** A timer as Node gives it, as far as we use it. */
class PretendTimer {
  isCleared = false

  constructor(
    readonly run: () => void,
    readonly everyMs?: number,
  ) {}

  unref(): this {
    return this
  }
}

/**
 * Time that passes only here, and runs each timer alone, with all that follows from it: the same seed gives the same
 * order every time. vitest's own fake timers wait a real millisecond for each and look through all of them for the next;
 * a simulation has a hundred thousand.
 */
export class PretendClock {
  now = BEGINNING
  readonly #times = new DueHeap<number>()
  readonly #timersAt = new Map<number, PretendTimer[]>()
  readonly #immediates: PretendTimer[] = []

  add(timer: PretendTimer, ms = 0): PretendTimer {
    const at = this.now + Math.max(1, Math.trunc(ms))
    const timers = this.#timersAt.get(at)
    if (timers) timers.push(timer)
    else {
      this.#timersAt.set(at, [timer])
      this.#times.add(at, at)
    }
    return timer
  }

  addImmediate(run: () => void): PretendTimer {
    const immediate = new PretendTimer(run)
    this.#immediates.push(immediate)
    return immediate
  }

  async pass(ms: number): Promise<void> {
    const until = this.now + ms
    await this.#settle()
    for (let at = this.#times.takeDue(until); at !== undefined; at = this.#times.takeDue(until)) {
      this.now = at
      const timers = this.#timersAt.get(at)!
      this.#timersAt.delete(at)
      for (const timer of timers) await this.#run(timer)
    }
    this.now = until
  }

  async #run(timer: PretendTimer): Promise<void> {
    if (timer.isCleared) return
    if (timer.everyMs !== undefined) this.add(timer, timer.everyMs)
    timer.run()
    await this.#settle()
  }

  async #settle(): Promise<void> {
    await aRealTurn()
    while (this.#immediates.length > 0) {
      const immediate = this.#immediates.shift()!
      if (!immediate.isCleared) immediate.run()
      await aRealTurn()
    }
  }
}

const real = { setImmediate, clearTimeout }
const aRealTurn = () => new Promise<void>((resolve) => real.setImmediate(resolve))

/** Resolves when so much of the pretended time has passed. */
export const passed = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** For what a process waits for that is no more. */
export const never = () => new Promise<never>(() => undefined)

/** For all tests of a file. What still waits at the end of one waits for ever. */
export function usePretendClock(): { pass(ms: number): Promise<void> } {
  let clock = new PretendClock()
  const clear = (timer: unknown) => {
    if (timer instanceof PretendTimer) timer.isCleared = true
    else real.clearTimeout(timer as NodeJS.Timeout | undefined)
  }
  beforeEach(() => {
    clock = new PretendClock()
    vi.spyOn(Date, 'now').mockImplementation(() => clock.now)
    vi.spyOn(performance, 'now').mockImplementation(() => clock.now - BEGINNING)
    vi.stubGlobal('setTimeout', (run: () => void, ms?: number) => clock.add(new PretendTimer(run), ms))
    vi.stubGlobal('setInterval', (run: () => void, ms: number) => clock.add(new PretendTimer(run, ms), ms))
    vi.stubGlobal('setImmediate', (run: () => void) => clock.addImmediate(run))
    for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) vi.stubGlobal(name, clear)
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), ms)
      return controller.signal
    })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
  })
  return { pass: (ms) => clock.pass(ms) }
}
