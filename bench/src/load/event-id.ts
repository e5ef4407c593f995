import { randomBytes } from 'node:crypto'

const prefix = 'evt_'
const tagLength = 8

/** Tells the events of one measurement from stragglers of an earlier one. */
export function newTag(): string {
  return randomBytes(tagLength / 2).toString('hex')
}

/** Event ids of our own, so that a receiver needs no look-up to know which event it has: `evt_<tag><sequence>`. */
export function eventId(tag: string, sequence: number): string {
  return prefix + tag + String(sequence).padStart(8, '0')
}

export function tagOf(id: string): string {
  return id.slice(prefix.length, prefix.length + tagLength)
}

export function sequenceOf(id: string): number {
  return Number(id.slice(prefix.length + tagLength))
}
