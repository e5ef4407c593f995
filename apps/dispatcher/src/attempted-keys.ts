import { Injectable } from '@nestjs/common'
import { RecentKeys } from '#domain'

/**
 * The attempts that this process settled lately, by delivery, chain and number. A second record that asks for one of
 * them is a double, from a crash or a repeated produce, and is completed without a request.
 */
@Injectable()
export class AttemptedKeys extends RecentKeys {
  constructor() {
    super({ maxKeys: 200_000 })
  }
}
