import type { Resealed, SealStore } from '#postgres'
import { BrokenSealError, type KeyRing, UnknownSealKeyError, openSecret, sealSecret } from '#signing'

/** Webhooks at a time: writers of configuration wait for one batch, some tens of milliseconds. */
const BATCH = 50

export interface Rewrapped {
  secrets: number
  /** Webhooks with a secret that no key opens; they were left as they are. */
  unreadable: string[]
  /** The last change that was announced; null where there was none. */
  outboxId: number | null
}

export type Seals = Pick<SealStore, 'reseal'>

/**
 * Brings every secret under the newest key, batch by batch. Interrupted, it has lost nothing, and the next run takes up
 * what is left: what is under the newest key already is not looked at.
 *
 * @param onProgress is told after each batch how many secrets this run has sealed anew
 */
export async function rewrapSecrets(
  seals: Seals,
  ring: KeyRing,
  onProgress: (secrets: number) => void = () => undefined,
): Promise<Rewrapped> {
  const total: Rewrapped = { secrets: 0, unreadable: [], outboxId: null }
  let batch: Resealed | undefined
  do {
    batch = await seals.reseal(ring.newest.id, batch?.last ?? '', BATCH, (webhookId, sealed) =>
      resealed(ring, webhookId, sealed),
    )
    total.secrets += batch.secrets
    total.unreadable.push(...batch.unreadable)
    total.outboxId = batch.outboxId ?? total.outboxId
    onProgress(total.secrets)
  } while (batch.last !== null)
  return total
}

function resealed(ring: KeyRing, webhookId: string, sealed: string): string | null {
  try {
    return sealSecret(ring, openSecret(ring, sealed, webhookId), webhookId)
  } catch (error) {
    if (error instanceof UnknownSealKeyError || error instanceof BrokenSealError) return null
    throw error
  }
}
