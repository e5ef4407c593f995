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

export const FOREIGN_KEY_VIOLATION = '23503'
