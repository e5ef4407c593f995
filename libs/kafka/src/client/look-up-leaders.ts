import { within } from './within.js'

/** While a partition has no leader kafkajs goes on asking; what is known has to do then. Ms. */
const LOOK_UP_MS = 1_000

/** Asks anew who leads, since somebody who was asked did not answer, or leads no more. Takes its time at most; never rejects. */
export async function lookUpLeaders(cluster: { refreshMetadata(): Promise<void> }): Promise<void> {
  await within(LOOK_UP_MS, 'looking up leaders', cluster.refreshMetadata()).catch(() => undefined)
}
