import { Module } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { AccountStore, ApiKeyStore, Database } from '#postgres'
import { ApiKeys } from './api-keys.js'
import { AuthGuard } from './auth.guard.js'
import { RateLimits } from './rate-limits.js'

/** Who may ask for what. The guard is global: a new route is closed until somebody has a key for it. */
@Module({
  providers: [
    { provide: AccountStore, useFactory: (database: Database) => new AccountStore(database), inject: [Database] },
    { provide: ApiKeyStore, useFactory: (database: Database) => new ApiKeyStore(database), inject: [Database] },
    ApiKeys,
    RateLimits,
    { provide: APP_GUARD, useClass: AuthGuard },
  ],
  exports: [ApiKeys, AccountStore],
})
export class AccountsModule {}
