import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../local/src/index.js'
import type { PlannedFault } from './fault-plan.js'
import { inflict } from './inflict.js'
import type { LedgerFault, Target } from './ledger.js'
import type { Victim } from './victim.js'

/** Every service is to be healthy again so soon after what it needs is back. Ms. */
const HEALED_WITHIN_MS = 30_000
/** A process that was hit itself: its start, a recovery of its data, a dead member's session in its consumer group. */
const BACK_WITHIN_MS = 90_000
/** Faults at once: one may hit while another is being recovered from. */
const MOST_AT_ONCE = 2

interface Subject {
  victim: Victim
  /** While a fault is being inflicted or recovered from. */
  isHit: boolean
  /** Times that it was hit, so that instances of one service take turns. */
  hits: number
}

/** Hits processes as planned, proves it, and waits for health before the same process is hit again. */
export class Nemesis {
  readonly faults: LedgerFault[] = []
  readonly incidents: string[] = []
  readonly #subjects: Subject[]
  readonly #underWay = new Set<Promise<void>>()
  #isOver = false

  constructor(
    victims: Victim[],
    private readonly say: (line: string) => void = () => {},
  ) {
    this.#subjects = victims.map((victim) => ({ victim, isHit: false, hits: 0 }))
    for (const subject of this.#subjects) this.#watch(subject)
  }

  /** Returns when everything has happened and everybody is healthy again. Cut short by `signal`, which hits nobody new. */
  async run(plan: PlannedFault[], signal?: AbortSignal): Promise<void> {
    for (const planned of plan) {
      await pauseFor(planned.waitMs, signal)
      const subject = await this.#free(planned.target, signal)
      if (!subject || signal?.aborted) break
      const underWay = this.#hit(subject, planned).finally(() => this.#underWay.delete(underWay))
      this.#underWay.add(underWay)
    }
    await Promise.all(this.#underWay)
  }

  /** From here on processes may end: the run is over. */
  stop(): void {
    this.#isOver = true
  }

  async #free(target: Target, signal?: AbortSignal): Promise<Subject | undefined> {
    const free = () =>
      this.#underWay.size < MOST_AT_ONCE
        ? this.#subjects
            .filter(({ victim, isHit }) => victim.target === target && !isHit)
            .toSorted((a, b) => a.hits - b.hits)[0]
        : undefined
    while (!free() && !signal?.aborted) await sleep(100)
    return free()
  }

  async #hit(subject: Subject, { kind, awayMs }: PlannedFault): Promise<void> {
    const { victim } = subject
    const { target, instance } = victim
    subject.isHit = true
    subject.hits++
    const fault: LedgerFault = { target, instance, kind, at: Date.now(), backAt: Infinity, proof: '' }
    this.faults.push(fault)
    try {
      fault.proof = await inflict(kind, victim, awayMs)
      await waitUntil(`the return of ${instance}`, () => victim.isReady(), { timeoutMs: BACK_WITHIN_MS })
      fault.backAt = Date.now()
      this.say(`${kind} ${instance}: ${fault.proof}; healthy again after ${fault.backAt - fault.at} ms`)
    } catch (error) {
      this.incidents.push(`${kind} of ${instance}: ${(error as Error).message}`)
      this.say(`${kind} ${instance} FAILED: ${(error as Error).message}`)
    }
    if (kind !== 'pause') this.#watch(subject)
    if (isServer(subject)) await this.#servicesHeal(subject)
    subject.isHit = false
  }

  async #servicesHeal(cause: Subject): Promise<void> {
    let until = Date.now() + HEALED_WITHIN_MS
    const unhealthy = async ({ victim, isHit }: Subject) => !isHit && !(await victim.isReady())
    for (const service of this.#subjects.filter((subject) => !isServer(subject))) {
      while (await unhealthy(service)) {
        const isOtherAway = this.#subjects.some((other) => other !== cause && isServer(other) && other.isHit)
        if (isOtherAway) until = Date.now() + HEALED_WITHIN_MS
        if (Date.now() > until) {
          this.incidents.push(`${service.victim.instance} was not healthy 30 s after ${cause.victim.instance} was back`)
          return
        }
        await sleep(200)
      }
    }
  }

  /** A process that nobody hit must not end. It is started again all the same, as a supervisor would. */
  #watch(subject: Subject): void {
    const { victim } = subject
    const { pid } = victim
    void victim.ended.then(async ({ code, signal }) => {
      if (subject.isHit || this.#isOver || victim.pid !== pid) return
      subject.isHit = true
      this.incidents.push(`${victim.instance} ${pid} ended by itself with ${signal ?? `code ${code}`}`)
      this.say(this.incidents.at(-1)!)
      try {
        await victim.startAgain()
      } catch (error) {
        this.incidents.push(`${victim.instance} did not start again: ${(error as Error).message}`)
      }
      subject.isHit = false
      this.#watch(subject)
    })
  }
}

/** What services need, rather than one of them. */
function isServer({ victim }: Subject): boolean {
  return victim.target === 'kafka' || victim.target === 'postgres'
}

async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal })
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}
