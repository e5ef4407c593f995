import { BoundedMap } from './bounded-map.js'
import type { SubscribedWebhook } from './webhook.js'

/**
 * Deleted webhooks that are remembered. Old changes of theirs come from the overlap of snapshot and topic only, minutes long;
 * all that ever were would be as many as somebody cares to make and delete.
 */
export const MOST_DELETED = 100_000

/** A change of configuration: the new state of a webhook, or its removal. Carries the version either way. */
export type WebhookChange<W extends SubscribedWebhook> =
  { kind: 'changed'; webhook: W } | { kind: 'deleted'; webhookId: string; version: number }

/**
 * All webhooks as one process sees them. It is fed by a snapshot and by changes that overlap it in any way: only a
 * greater version is applied, and a deleted webhook's version is remembered, so that an old change cannot revive it.
 */
export class WebhookView<W extends SubscribedWebhook> {
  readonly #byId = new Map<string, W>()
  readonly #byAccount = new Map<string, Map<string, W>>()
  readonly #deletedVersions = new BoundedMap<string, number>(MOST_DELETED)

  get size(): number {
    return this.#byId.size
  }

  get deletedSize(): number {
    return this.#deletedVersions.size
  }

  get(webhookId: string): W | undefined {
    return this.#byId.get(webhookId)
  }

  ofAccount(accountId: string): Iterable<W> {
    return this.#byAccount.get(accountId)?.values() ?? []
  }

  /** @returns whether the change was newer than what the view knew */
  apply(change: WebhookChange<W>): boolean {
    const id = change.kind === 'changed' ? change.webhook.id : change.webhookId
    const version = change.kind === 'changed' ? change.webhook.version : change.version
    if (version <= this.#knownVersion(id)) return false
    this.#remove(id)
    if (change.kind === 'changed') this.#put(change.webhook)
    else this.#deletedVersions.set(id, version)
    return true
  }

  #knownVersion(webhookId: string): number {
    return this.#byId.get(webhookId)?.version ?? this.#deletedVersions.get(webhookId) ?? 0
  }

  #put(webhook: W): void {
    this.#byId.set(webhook.id, webhook)
    let ofAccount = this.#byAccount.get(webhook.accountId)
    if (!ofAccount) this.#byAccount.set(webhook.accountId, (ofAccount = new Map()))
    ofAccount.set(webhook.id, webhook)
  }

  #remove(webhookId: string): void {
    const known = this.#byId.get(webhookId)
    if (!known) return
    this.#byId.delete(webhookId)
    const ofAccount = this.#byAccount.get(known.accountId)
    ofAccount?.delete(webhookId)
    if (ofAccount?.size === 0) this.#byAccount.delete(known.accountId)
  }
}
