import type { Colours } from './console.js'

/** What the sample receiver saw of one request. */
export interface SeenDelivery {
  at: Date
  type: string
  eventId: string
  attempt: string
  /** Undefined where the receiver does not know the webhook's secret. */
  verified: boolean | undefined
}

/** One line for people: when, what, which, the how manieth attempt, and whether the signature is right. */
export function deliveryLine(seen: SeenDelivery, { dim, green, red }: Colours): string {
  const time = dim(seen.at.toISOString().slice(11, 23))
  const verdict =
    seen.verified === undefined ? dim('not checked') : seen.verified ? green('✓ verified') : red('✗ wrong signature')
  return `  ${time}  ${seen.type.padEnd(19)}  ${seen.eventId.padEnd(36)}  attempt ${seen.attempt}  ${verdict}`
}
