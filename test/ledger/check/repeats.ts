import { type Ledger, type LedgerFault, type LedgerRequest, isSuccess } from '../ledger.js'
import { type Chain, groupBy, isOf, nameOf } from './chains.js'
import type { Violation } from './violation.js'

/** What a crash may cost at most. Times in ms. */
export interface RepeatBounds {
  /** Completed for less than this, an attempt may not be committed yet: the interval of commits (250 ms), the writes before, and a machine that is busy starting what was killed. */
  commitLagMs: number
  /** With several dispatchers: how long after a dispatcher's return partitions still change hands; 0 with one. */
  handOverMs: number
  /**
   * Repeats that one fault of a dispatcher may cause: what was in flight, completed since the last commit, above the
   * watermark. One of the broker may cause as many as were attempted until the session of its members was over. Not
   * counted are deliveries whose record was written twice: the second is attempted whatever was committed of the first.
   */
  mostPerFault: number
  /** What was answered for less than this does not count there: at 500 requests a second that many are no more anyway. */
  burstMs: number
  /** All that one fault of a dispatcher may cause: its slots, and as much as is complete at the fastest between two commits. */
  mostAfterBurst: number
}

export const repeatBounds: RepeatBounds = {
  commitLagMs: 2_000,
  handOverMs: 0,
  mostPerFault: 350,
  burstMs: 700,
  mostAfterBurst: 1_600,
}

/**
 * Why a request came more than once. `connection`: within one attempt, after a connection that was closed without an
 * answer. `fault`: in flight or just completed when its owner was hit. `doubled`: its record was written twice, and
 * whoever would have recognised it was hit in between. `ended`: its chain had ended, known only to an owner who was hit.
 */
export type RepeatCause = 'connection' | 'fault' | 'doubled' | 'ended'

export interface Repeat {
  chain: Chain
  request: LedgerRequest
  /** When the one before it was answered or given up; ms. */
  earlierSettledAt: number
  cause: RepeatCause | null
  fault: LedgerFault | null
  /** Its event was posted or fanned out twice: besides what was not committed, there may have been a second record. */
  isDoubled: boolean
}

/** Within one attempt a lost connection is tried again at once; the attempt's headers are made once. */
const ATTEMPT_MS = 5_000
/** Between an answer and the moment when the owner knows the chain as ended: its facts must be in the log. */
const SETTLING_MS = 1_000
/** From the return of an owner to the first attempts of what it had not committed. */
const COMES_BACK_MS = 5_000
/** How close to its answer an attempt must have been given up for another to follow. */
const NEARLY_TIMED_OUT_MS = 4_500

/** Every request beyond the first for its webhook, event and attempt number, and those behind a chain's end. */
export function repeatsOf(ledger: Ledger, chains: Chain[], bounds: RepeatBounds): Repeat[] {
  return chains.filter(({ requests }) => requests.length > 1).flatMap((chain) => repeatsIn(chain, ledger, bounds))
}

export function checkRepeats(repeats: Repeat[], bounds: RepeatBounds): Violation[] {
  const unexplained = repeats
    .filter(({ cause }) => cause === null)
    .map(({ chain, request }): Violation => ({
      rule: isBehindEnd(chain, request) ? 'ended chains stay ended' : 'no repeat without a cause',
      subject: `attempt ${request.attempt} of ${nameOf(chain)}`,
      detail: chain.requests.map(describe).join('; '),
    }))
  return [...unexplained, ...tooMany(repeats, bounds)]
}

function tooMany(repeats: Repeat[], { mostPerFault, burstMs, mostAfterBurst }: RepeatBounds): Violation[] {
  const ofDispatchers = repeats.flatMap(({ fault, earlierSettledAt, isDoubled }) =>
    fault?.target === 'dispatcher' ? [{ ...fault, isOld: !isDoubled && earlierSettledAt < fault.at - burstMs }] : [],
  )
  const perFault = groupBy(ofDispatchers, ({ instance, at }) => `${instance} at ${new Date(at).toISOString()}`)
  return [...perFault].flatMap(([subject, all]): Violation[] => {
    const old = all.filter(({ isOld }) => isOld).length
    if (all.length <= mostAfterBurst && old <= mostPerFault) return []
    const detail = `${all.length} repeats, ${old} of what was answered ${burstMs} ms before: more than ${mostAfterBurst} or ${mostPerFault}`
    return [{ rule: 'repeats bounded', subject, detail }]
  })
}

/**
 * The fault that hit a request's owner, or the broker, when the request's completion may not have been committed.
 * @param before the latest such fault before this time, ms: one just before a repeat is likelier its cause than others
 */
export function hitBy(
  faults: LedgerFault[],
  request: LedgerRequest,
  bounds: RepeatBounds,
  before = Infinity,
): LedgerFault | null {
  const isHit = ({ at, backAt }: LedgerFault) =>
    at < before && request.settledAt >= at - bounds.commitLagMs && request.at <= backAt + bounds.handOverMs
  return faults.filter(isHit).toSorted((a, b) => b.at - a.at)[0] ?? null
}

/**
 * Faults after which an owner has forgotten something. A dispatcher that was asked to end drains, and repeats nothing:
 * unless the broker was away at the time, or another dispatcher took over.
 */
export function faultsOfOwners({ faults }: Ledger, bounds: RepeatBounds): LedgerFault[] {
  const ofBroker = faults.filter(({ target }) => target === 'kafka')
  const ofDispatchers = faults.filter(
    (fault) =>
      fault.target === 'dispatcher' &&
      (fault.kind !== 'term' || bounds.handOverMs > 0 || ofBroker.some((other) => overlap(fault, other))),
  )
  return [...ofBroker, ...ofDispatchers]
}

function repeatsIn(chain: Chain, ledger: Ledger, bounds: RepeatBounds): Repeat[] {
  const owners = faultsOfOwners(ledger, bounds)
  const isDoubled = isEventDoubled(chain, ledger, bounds)
  const repeats: Repeat[] = []
  const latest = new Map<number, LedgerRequest>()
  for (const request of chain.requests) {
    const earlier = latest.get(request.attempt)
    latest.set(request.attempt, request)
    const mayBeDouble = isDoubled || repeats.some((repeat) => repeat.cause !== null)
    if (earlier)
      repeats.push({
        chain,
        request,
        earlierSettledAt: earlier.settledAt,
        isDoubled,
        ...causeOf(request, earlier, owners, bounds, mayBeDouble),
      })
    else {
      const end = endBefore(chain, request)
      if (!end) continue
      const fault = owners.find((owner) => between(owner, end.at - bounds.commitLagMs, request.at)) ?? null
      repeats.push({ chain, request, earlierSettledAt: end.settledAt, cause: fault && 'ended', fault: null, isDoubled })
    }
  }
  return repeats
}

function causeOf(
  request: LedgerRequest,
  earlier: LedgerRequest,
  owners: LedgerFault[],
  bounds: RepeatBounds,
  mayBeDouble: boolean,
): { cause: RepeatCause | null; fault: LedgerFault | null } {
  const isSameAttempt = request.timestamp === earlier.timestamp && request.at - earlier.at < ATTEMPT_MS
  if (isSameAttempt && !earlier.isAnswered) return { cause: 'connection', fault: null }
  const fault = hitBy(owners, earlier, bounds, request.at)
  // What was not committed comes back with the partition. What comes later, of an event fanned out twice, was committed.
  const isLate = fault !== null && request.at > fault.backAt + COMES_BACK_MS
  if (fault && !(isLate && mayBeDouble)) return { cause: 'fault', fault }
  const isForgotten = owners.some((owner) => between(owner, earlier.at, request.at))
  return { cause: isForgotten && mayBeDouble ? 'doubled' : null, fault: null }
}

/** Posted twice, or fanned out twice because fan-out was hit before it had committed. */
function isEventDoubled({ event, requests }: Chain, { faults }: Ledger, { commitLagMs }: RepeatBounds): boolean {
  if (event.posts.length > 1) return true
  const [from, until] = [event.posts[0]!.at, requests[0]!.at + commitLagMs]
  return faults.some((fault) => (fault.target === 'fanout' || fault.target === 'kafka') && between(fault, from, until))
}

/** The request that had ended the chain before this one came, if the dispatcher has heard its answer in time. */
function endBefore({ requests, delivery }: Chain, request: LedgerRequest): LedgerRequest | undefined {
  return requests.find((end) => {
    const isEnd = end.isAnswered && (isSuccess(end.answer) || end.answer === 'gone')
    if (!isEnd || request.at < end.settledAt + SETTLING_MS) return false
    const isLogged = delivery?.attempts?.some((attempt) => attempt.outcome !== 'failed' && isOf(end, attempt))
    return isLogged ?? end.settledAt - end.at < NEARLY_TIMED_OUT_MS
  })
}

function isBehindEnd(chain: Chain, request: LedgerRequest): boolean {
  const isFirst = chain.requests.find(({ attempt }) => attempt === request.attempt) === request
  return isFirst && endBefore(chain, request) !== undefined
}

function between({ at, backAt }: LedgerFault, from: number, until: number): boolean {
  return at <= until && backAt >= from
}

function overlap(a: LedgerFault, b: LedgerFault): boolean {
  return between(a, b.at, b.backAt)
}

function describe({ attempt, at, answer, isAnswered }: LedgerRequest): string {
  return `${attempt} at ${new Date(at).toISOString().slice(11, 23)} ${answer}${isAnswered ? '' : ' unanswered'}`
}
