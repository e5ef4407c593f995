import type { MemoryBound, RetrySchedule } from '#domain'
import type { Lanes } from './lanes.js'
import type { Consequences } from '../settlement/consequences.js'
import { surpluses } from './surpluses.js'
import type { WebhookLane } from './webhook-lane.js'
import type { WebhooksToCall } from '../webhooks/webhooks-to-call.js'

/** Of what the process may hold: a little less than what it reads on with. */
const RELIEVED = 0.45
/** Stuck: over so long hardly anything was worked off, not even as by receivers that take a second for each answer. Ms. */
const STUCK_AFTER_MS = 2_000
const HARDLY_ANYTHING = 0.02
/** A look later than this begins anew: the process read meanwhile. Ms. */
const NEXT_LOOK_WITHIN_MS = 1_000

/** What a process that holds too much puts off, so that reading goes on. */
export class Relief {
  /** Since when no more than hardly anything was worked off of the share that was held then. Ms since the epoch. */
  #standstill = { since: -Infinity, share: Infinity, lookedAt: -Infinity }

  constructor(
    private readonly lanes: Lanes,
    private readonly live: MemoryBound,
    private readonly consequences: Consequences,
    private readonly webhooks: WebhooksToCall,
    private readonly schedule: RetrySchedule,
  ) {}

  /**
   * The fullest lanes put off their newest until less than half is left, but for the few that each keeps. A burst to
   * receivers that turn out to be slow would else stop everybody's reading until they have worked it off. Of some thousand
   * that hang these few alone are more than half: where nothing else helps, and nothing is worked off either, only lanes
   * that work keep them. To be called twice a second for as long as the process is full.
   */
  relieve(): void {
    const now = Date.now()
    if (this.#putOffFullest(this.lanes.all, now) || !this.live.isFullWithout(this.consequences.deferring)) return
    if (!this.#isStuck(now)) return
    const stuck = this.lanes.all.filter(
      (lane) => lane.state.standing(now) !== 'proven' || lane.isSilent(this.webhooks.get(lane.webhookId)),
    )
    this.#putOffFullest(stuck, now, 0)
  }

  #isStuck(now: number): boolean {
    const share = this.live.shareWithout(this.consequences.deferring)
    const { since, share: before, lookedAt } = this.#standstill
    const isStanding = now - lookedAt <= NEXT_LOOK_WITHIN_MS && share > before * (1 - HARDLY_ANYTHING)
    this.#standstill = isStanding ? { since, share: before, lookedAt: now } : { since: now, share, lookedAt: now }
    return now - this.#standstill.since >= STUCK_AFTER_MS
  }

  /** @returns whether these lanes hold enough beyond what each keeps */
  #putOffFullest(lanes: readonly WebhookLane[], now: number, kept?: number): boolean {
    const { deferring } = this.consequences
    const share = this.live.shareWithout(deferring)
    if (share <= RELIEVED) return true
    const most = (this.live.records - deferring.records) * (1 - RELIEVED / share)
    // Not sooner: it would come straight back into a process that is still full.
    const earliest = now + this.schedule.shortestMs
    let given = 0
    for (const { lane, surplus } of surpluses(lanes, most, kept)) {
      given += surplus
      const by = lane.waitsForUs(this.webhooks.get(lane.webhookId)) ? 'us' : 'receiver'
      for (const work of lane.giveBack(surplus))
        this.consequences.putOff(lane.state, work, Math.max(earliest, lane.state.putOffUntil(now)), by)
    }
    return given >= most
  }
}
