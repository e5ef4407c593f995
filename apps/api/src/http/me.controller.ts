import { Controller, Get } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { Caller, type CallerIdentity } from '../accounts/caller.js'

const meAnswer = z
  .strictObject({
    account_id: z.string().nullable().describe('Null for a producer’s key, which may name any account.'),
    key_id: z.string(),
    scopes: z.array(z.string()),
  })
  .meta({ id: 'Me' })

@ApiTags('me')
@Controller('v1/me')
export class MeController {
  @Get()
  @ApiOperation({ operationId: 'getMe', summary: 'Whose key this is and what it may do.' })
  @ApiOkResponse({ standardSchema: meAnswer, description: 'The key that was sent.' })
  me(@Caller() caller: CallerIdentity): z.infer<typeof meAnswer> {
    return { account_id: caller.accountId, key_id: caller.keyId, scopes: [...caller.scopes] }
  }
}
