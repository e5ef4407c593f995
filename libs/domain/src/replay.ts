import type { ChainEnd } from './delivery.js'

/** Which events of a time range are sent again to one webhook. */
export type ReplayChoice = 'failed' | 'missed' | 'all'

/** `waiting`: for the read models to know everything that was in the log when it was asked for. */
export type ReplayState = 'waiting' | 'running' | 'paused' | 'done' | 'cancelled'

/** What a person can ask of a replay that exists. */
export type ReplayCommand = 'pause' | 'resume' | 'cancel'

export const replayChoices: ReplayChoice[] = ['failed', 'missed', 'all']
export const replayStates: ReplayState[] = ['waiting', 'running', 'paused', 'done', 'cancelled']

/** Which deliveries a choice means. One whose chain still runs is none of them: what it brings is not known yet. */
export interface ChosenDeliveries {
  /** Also events that were never meant for the webhook: accepted before it existed or while it was disabled. */
  withoutDelivery: boolean
  ends: readonly ChainEnd[]
}

const CHOSEN: Record<ReplayChoice, ChosenDeliveries> = {
  failed: { withoutDelivery: false, ends: ['exhausted', 'expired', 'gone'] },
  missed: { withoutDelivery: true, ends: ['cancelled'] },
  all: { withoutDelivery: true, ends: ['delivered', 'exhausted', 'expired', 'gone', 'cancelled'] },
}

export function chosenBy(choice: ReplayChoice): ChosenDeliveries {
  return CHOSEN[choice]
}

/** The states in which a command has a meaning. */
const COMMANDABLE: Record<ReplayCommand, readonly ReplayState[]> = {
  pause: ['waiting', 'running'],
  resume: ['paused'],
  cancel: ['waiting', 'running', 'paused'],
}

/**
 * @param hasStarted whether it ran before; one that was paused while it waited goes on waiting
 * @returns null where the command has no meaning in this state
 */
export function replayStateAfter(state: ReplayState, command: ReplayCommand, hasStarted: boolean): ReplayState | null {
  if (!COMMANDABLE[command].includes(state)) return null
  if (command === 'pause') return 'paused'
  if (command === 'cancel') return 'cancelled'
  return hasStarted ? 'running' : 'waiting'
}
