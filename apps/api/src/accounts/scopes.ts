import { SetMetadata } from '@nestjs/common'

/** What a key may do. An account's key has some of the first four; only a producer's key has `events:write`. */
export const ACCOUNT_SCOPES = ['webhooks:read', 'webhooks:write', 'deliveries:read', 'deliveries:write'] as const
export const PRODUCER_SCOPE = 'events:write'

export type AccountScope = (typeof ACCOUNT_SCOPES)[number]
export type Scope = AccountScope | typeof PRODUCER_SCOPE

export const SCOPES_METADATA = 'scopes'

/** Says which scopes a route or a whole controller needs, all of them; without it any valid key will do. */
export const Scopes = (...scopes: Scope[]) => SetMetadata(SCOPES_METADATA, scopes)

export function isAccountScope(text: string): text is AccountScope {
  return (ACCOUNT_SCOPES as readonly string[]).includes(text)
}
