import type { EgressPhase } from './egress-result.js'

/** What stopped a stage: an error, the deadline, or our own refusal to go there. */
export type StageStop =
  | { phase: EgressPhase; cause: 'error'; error: Error }
  | { phase: EgressPhase; cause: 'deadline' }
  | { phase: EgressPhase; cause: 'refused'; detail: string }

/** A stage (resolve, connect, TLS) either yields what the next one needs or stops the attempt. */
export type StageOutcome<T> = { ok: true; value: T } | { ok: false; stop: StageStop }

export function stoppedByError<T>(phase: EgressPhase, error: Error): StageOutcome<T> {
  return { ok: false, stop: { phase, cause: 'error', error } }
}

export function stoppedByDeadline<T>(phase: EgressPhase): StageOutcome<T> {
  return { ok: false, stop: { phase, cause: 'deadline' } }
}
