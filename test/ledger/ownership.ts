import { groupBy } from './check/chains.js'

/** A request as seen by its receiver, with the time at which its process says that it began the attempt. */
export interface BegunRequest {
  path: string
  pid: number
  /** Both ms since the epoch. */
  startedAt: number
  until: number
}

/** Another process began to call a webhook than the one that had called it before. */
export interface Takeover {
  path: string
  from: number
  to: number
  /** When the new one began its first request, ms since the epoch. */
  at: number
  /** For how long after that a request of the old one was still under way, ms. */
  overlapMs: number
}

/** Every change of the process that calls a webhook, in the order of its requests' beginnings. */
export function takeoversIn(requests: BegunRequest[]): Takeover[] {
  return [...groupBy(requests, ({ path }) => path)].flatMap(([path, ofWebhook]) => {
    const ordered = ofWebhook.toSorted((a, b) => a.startedAt - b.startedAt)
    return ordered.slice(1).flatMap(({ pid: to, startedAt: at }, i) => {
      const from = ordered[i]!.pid
      if (from === to) return []
      const before = ordered.slice(0, i + 1).filter(({ pid }) => pid === from)
      const overlapMs = Math.max(0, ...before.map(({ until }) => until - at))
      return [{ path, from, to, at, overlapMs }]
    })
  })
}

/**
 * Takeovers beyond the one that a webhook may see after each change of the group's members: two processes that call
 * it in turns take it over again and again.
 * @param changes when members began to join or to leave, ms since the epoch, in order
 */
export function disorderlyTakeovers(takeovers: Takeover[], changes: readonly number[]): Takeover[] {
  const intervalOf = ({ path, at }: Takeover) => `${path} ${changes.filter((change) => change <= at).length}`
  const perInterval = groupBy(takeovers, intervalOf)
  const beforeAnyChange = takeovers.filter(({ at }) => changes.every((change) => change > at))
  return [...beforeAnyChange, ...[...perInterval.values()].flatMap((ofInterval) => ofInterval.slice(1))]
}
