import { MAX_WEBHOOKS_PER_ACCOUNT } from '#domain'

/** The account has as many webhooks as it may have. */
export class TooManyWebhooks extends Error {
  override name = 'TooManyWebhooks'
  constructor() {
    super(`an account has at most ${MAX_WEBHOOKS_PER_ACCOUNT} webhooks`)
  }
}

export class UnknownAccount extends Error {
  override name = 'UnknownAccount'
  constructor(readonly accountId: string) {
    super(`there is no account ${accountId}`)
  }
}

/** Two secrets are valid already; a third would have to be told apart by receivers that know one. */
export class OverlapRunning extends Error {
  override name = 'OverlapRunning'
  constructor(readonly until: Date) {
    super(`the secret before this one is valid until ${until.toISOString()}`)
  }
}

/**
 * An earlier change of the webhook is not published yet. Whether it stays is not known: one that the log does not confirm
 * in time may be undone, and what was built on it could not be.
 */
export class ChangeWaiting extends Error {
  override name = 'ChangeWaiting'
  constructor(readonly outboxId: number) {
    super('an earlier change of this webhook is not published yet')
  }
}

export const FOREIGN_KEY_VIOLATION = '23503'
