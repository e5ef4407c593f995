import { median } from './median.js'

// A backlog that comes and goes within this time's deliveries is the pipeline's own length, not a queue that grows.
const slackSeconds = 0.1

/**
 * Whether what was due and not delivered stayed level: the median of the window's last quarter is not above that of its
 * first. Growth by 1 % of the rate over a minute already shows.
 *
 * @param samples taken at even intervals
 */
export function isFlat(samples: readonly number[], perSecond: number): boolean {
  const quarter = Math.ceil(samples.length / 4)
  return median(samples.slice(-quarter)) <= median(samples.slice(0, quarter)) + slackSeconds * perSecond
}
