import { attemptKey } from '#domain'
import type { SimulatedDispatcher } from './simulated-dispatcher.testing.js'
import type { Simulation } from './simulation.testing.js'
import type { MadeRequest, World } from './world.testing.js'

/** A lane's cap at most. */
const MOST_UNDER_WAY = 128
/**
 * What was under way when its partition changed hands, or was not acknowledged yet, is done again by the next owner: of
 * all requests at most this share, though every hand-over may meet a burst.
 */
const REPEATED_AT_MOST = 0.15
const LEAST_ALLOWED = 50
const MOST_TOLD = 5

export interface Allowed {
  /** Partitions changed hands, and some of what was under way then was done again. */
  handOvers: boolean
}

/** What is not as it must be, in sentences; of each kind the first few. */
export async function problemsOf(simulation: Simulation, { handOvers }: Allowed): Promise<string[]> {
  const repeats = handOvers ? tooManyRepeats(simulation) : allRepeats(simulation)
  const left = await Promise.all(simulation.running.map((dispatcher) => leftIn(dispatcher, simulation)))
  const kinds = [
    simulation.problems,
    simulation.requests.flatMap(wrongAtStart),
    withoutEnd(simulation),
    repeats,
    simulation.log.unfinished().map(({ name, committed, end }) => `${name} is committed to ${committed} of ${end}`),
    ...left,
  ]
  return kinds.flatMap((problems) => problems.slice(0, MOST_TOLD))
}

function wrongAtStart(request: MadeRequest): string[] {
  const { delivery, webhook, startedAt, underWay, isAnothers } = request
  const wrong = {
    'too early': delivery.notBefore !== null && startedAt < delivery.notBefore,
    'by an older version of its webhook': webhook.version < delivery.webhookVersion,
    'of a disabled webhook': !webhook.isActive && delivery.trigger !== 'test',
    'although another dispatcher has the partition': isAnothers,
    'beyond the cap of its lane': underWay > MOST_UNDER_WAY,
  }
  return Object.entries(wrong).flatMap(([what, is]) => (is ? [`attempted ${what}: ${told(request)}`] : []))
}

function withoutEnd({ offered, readModel }: World): string[] {
  return [...offered].filter((chain) => !readModel.ends.has(chain)).map((chain) => `no end: ${chain}`)
}

/** Of one dispatcher that keeps its partitions: every attempt is made once, and every chain ends once. */
function allRepeats(simulation: World): string[] {
  const ends = [...simulation.readModel.ends].filter(([, told]) => told.length > 1)
  return [
    ...repeated(simulation).map(([first, again]) => `attempted twice: ${told(first)}, ${told(again)}`),
    ...ends.map(([chain, told]) => `ended twice: ${chain} as ${told.map(({ end }) => end).join(' and ')}`),
  ]
}

function tooManyRepeats(world: World): string[] {
  const repeats = repeated(world).length
  const most = Math.max(LEAST_ALLOWED, world.requests.length * REPEATED_AT_MOST)
  return repeats > most ? [`${repeats} of ${world.requests.length} requests were repeats`] : []
}

type Pair = [first: MadeRequest, again: MadeRequest]

function repeated({ requests }: World): Pair[] {
  const firsts = new Map<string, MadeRequest>()
  return requests.flatMap((request): Pair[] => {
    const key = attemptKey(request.delivery)
    const first = firsts.get(key)
    if (!first) firsts.set(key, request)
    return first ? [[first, request]] : []
  })
}

/** When all is done nothing is held, counted or held back any more. */
async function leftIn(dispatcher: SimulatedDispatcher, { webhookIds }: Simulation): Promise<string[]> {
  const { memory, consequences, waitingRoom, lanes, kafka, number } = dispatcher
  const counters = {
    'records in memory': memory.records,
    'bytes in memory': memory.bytes,
    'deliveries being put off': consequences.deferring.records,
    'records in the waiting room': waitingRoom.size,
    'partitions held back': kafka.pausedOnes.size,
    'slots taken': await dispatcher.gauge('webhooks_attempts_in_flight'),
    'records left in the log': await dispatcher.gauge('webhooks_left_in_log_records'),
    ...Object.fromEntries(
      webhookIds.map((id) => {
        const state = lanes.get(id)?.state
        return [`in the lane of ${id}`, state ? state.queued + state.queuedReplays + state.inFlight : 0]
      }),
    ),
  }
  return Object.entries(counters).flatMap(([what, count]) =>
    count === 0 ? [] : [`dispatcher ${number} ends with ${count} ${what}`],
  )
}

function told({ delivery, dispatcher, startedAt }: MadeRequest): string {
  return `${attemptKey(delivery)} of ${delivery.webhookId} by ${dispatcher} at ${startedAt}`
}
