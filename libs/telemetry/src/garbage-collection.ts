import { setFlagsFromString } from 'node:v8'

/**
 * Three of V8's settings, for services that pass much through a small heap; measured in docs/adr/0015 and 0017.
 *
 * - The old generation may double before all of it is marked. With a small limit V8 lets it grow by a fifth, and the
 *   buffers of records count: at 5,000 deliveries/s each service marked its whole heap two or three times a second.
 * - The young one is collected by the main thread alone. Helpers on a busy machine wait for a core, and it for them.
 * - All that is new begins in the young one. Else V8 may take what outlived two collections at the start, when little was
 *   collected, for long-lived for good: all of its kind go into the old one then, and keep alive what they refer to.
 */
export const GARBAGE_COLLECTION_FLAGS = [
  '--heap-growing-percent=100',
  '--no-parallel-scavenge',
  '--no-allocation-site-pretenuring',
]

export function tuneGarbageCollection(): void {
  for (const flag of GARBAGE_COLLECTION_FLAGS) setFlagsFromString(flag)
}
