import type { WebhookLane } from './webhook-lane.js'

/** By each lane, however full the process is, while the others have more: a quiet webhook is not what filled it. */
const KEPT = 9

/**
 * What the fullest lanes hold beyond a level that is the same for all of them, so that it comes to `most` together or, where
 * they do not hold so much beyond the few that are kept, to less.
 */
export function surpluses(
  lanes: readonly WebhookLane[],
  most: number,
  kept = KEPT,
): { lane: WebhookLane; surplus: number }[] {
  const fullest = lanes.filter(({ state }) => state.queued > kept).toSorted((a, b) => b.state.queued - a.state.queued)
  let [level, sum] = [kept, 0]
  for (const [index, { state }] of fullest.entries()) {
    sum += state.queued
    const count = index + 1
    const next = fullest[count]?.state.queued ?? kept
    if (sum - count * next < most) continue
    level = Math.max(kept, Math.floor((sum - most) / count))
    break
  }
  return fullest
    .filter(({ state }) => state.queued > level)
    .map((lane) => ({ lane, surplus: lane.state.queued - level }))
}
