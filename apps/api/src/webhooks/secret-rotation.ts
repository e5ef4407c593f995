import { Inject, Injectable } from '@nestjs/common'
import { ChangeWaiting, OverlapRunning, type Rotation, SecretStore } from '#postgres'
import { type KeyRing, createSecret, sealSecret } from '#signing'
import { LOGGER, type Logger } from '#telemetry'
import { Problem } from '../http/problem.js'
import { KEY_RING } from '../infrastructure/injection-tokens.js'
import { OutboxRelay } from './outbox-relay.js'

/** How long a rotation waits for the log before it is undone and answered 503. Ms. */
const CONFIRM_WITHIN_MS = 3_000

/** Gives webhooks new secrets. The one before goes on being valid for a while, so that receivers can switch in peace. */
@Injectable()
export class SecretRotation {
  constructor(
    private readonly store: SecretStore,
    private readonly relay: OutboxRelay,
    @Inject(KEY_RING) private readonly keyRing: KeyRing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @returns null when the account has no such webhook
   * @throws {Problem} 409 during an overlap, 503 when the log did not confirm: the secrets are those of before
   */
  async rotate(
    accountId: string,
    id: string,
    overlapMs: number,
  ): Promise<{ secret: string; previousExpiresAt: Date } | null> {
    const deadline = Date.now() + CONFIRM_WITHIN_MS
    const secret = createSecret()
    const sealed = sealSecret(this.keyRing, secret, id)
    const store = () => this.store.rotate(accountId, id, sealed, overlapMs).catch(refuseThird)
    const rotation = await this.#afterEarlierChanges(store, deadline)
    if (!rotation) return null
    if (!(await this.relay.isConfirmed(rotation.outboxId, deadline))) {
      await this.#undo(rotation)
      throw notRotated()
    }
    return { secret, previousExpiresAt: rotation.previousExpiresAt }
  }

  /** One that was made a moment ago, on another replica too, may still be undone: it is confirmed before this one begins. */
  async #afterEarlierChanges(store: () => Promise<Rotation | null>, deadline: number): Promise<Rotation | null> {
    for (;;) {
      try {
        return await store()
      } catch (error) {
        if (!(error instanceof ChangeWaiting)) throw error
        const isConfirmed = await this.relay.isConfirmed(error.outboxId, deadline)
        if (!isConfirmed || Date.now() >= deadline) throw notRotated()
      }
    }
  }

  /**
   * A secret that nobody was told must not be left as the only one when the overlap ends. Should this fail as well
   * (Postgres gone in between, or this process killed), the owner has the overlap to rotate once more, with 0.
   */
  async #undo(rotation: Rotation): Promise<void> {
    try {
      await this.store.undo(rotation)
    } catch (error) {
      const webhook_id = rotation.webhookId
      this.logger.error({ err: error, webhook_id }, 'an unconfirmed rotation of a secret could not be undone')
    }
  }
}

const NOT_ROTATED = 'The secret was not rotated: its configuration could not be handed on in time.'

function notRotated(): Problem {
  return new Problem(503, 'Service Unavailable', NOT_ROTATED, { headers: { 'retry-after': '1' } })
}

function refuseThird(error: unknown): never {
  if (!(error instanceof OverlapRunning)) throw error
  const until = error.until.toISOString()
  const detail =
    `Two secrets are valid until ${until}, and a third would be one too many: wait until then, ` +
    'or rotate with {"overlap_seconds": 0}, which ends the older ones at once.'
  throw new Problem(409, 'Overlap running', detail)
}
