import { parseDuration } from '#domain'

export interface AuditRange {
  /** Ms since the epoch, from inclusive to exclusive. */
  since: number
  until: number
}

/** With its zone: read as local time, the same words would be another range on another machine. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/

/** A time, or an age as a duration, in ms since the epoch; undefined when it is neither. */
export function momentOf(text: string, now: number): number | undefined {
  try {
    const time = TIME.test(text) ? Date.parse(text) : now - parseDuration(text)
    return Number.isNaN(time) ? undefined : time
  } catch {
    return undefined
  }
}

/**
 * What can be audited of what was asked for: nobody can tell what was accepted before `keptMs`.
 * @throws Error when nothing is left: an audit of nothing finds nothing, and would pass for a proof
 */
export function auditRange(asked: { since: number; until?: number }, keptMs: number, now: number): AuditRange {
  const until = asked.until ?? Infinity
  const oldest = now - keptMs
  if (asked.since >= now) throw new Error('--since is not in the past: nothing was accepted since then.')
  if (until <= asked.since)
    throw new Error('--until is not after --since: of two ages the larger one belongs to --since.')
  if (until <= oldest)
    throw new Error(`Nothing is kept of that time any more: the oldest is ${new Date(oldest).toISOString()}.`)
  return { since: Math.max(asked.since, oldest), until }
}
