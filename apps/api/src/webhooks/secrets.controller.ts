import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common'
import { ApiBody, ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { AccountId } from '../accounts/caller.js'
import { Scopes } from '../accounts/scopes.js'
import { knownId, notFound } from '../deliveries/not-found.js'
import { ConfigurationTurns } from './configuration-turns.js'
import { SecretRotation } from './secret-rotation.js'

const DAY_SECONDS = 86_400
const MOST_OVERLAP_SECONDS = 7 * DAY_SECONDS

export const rotateSecretRequest = z
  .strictObject({
    overlap_seconds: z
      .int({ error: 'must be a whole number of seconds' })
      .min(0, { error: 'must not be negative' })
      .max(MOST_OVERLAP_SECONDS, { error: `must be at most ${MOST_OVERLAP_SECONDS}` })
      .default(DAY_SECONDS)
      .describe('How long the secret before stays valid; 0 ends every older one at once.'),
  })
  .meta({ id: 'SecretRotationRequest' })

const rotatedSecret = z
  .strictObject({
    secret: z.string().describe('Shown once: keep it to verify signatures with.'),
    previous_expires_at: z.iso.datetime().describe('Until then your receiver may verify with either.'),
  })
  .meta({ id: 'RotatedSecret' })

// An empty body is an empty request: curl -X POST, and nothing else to say.
const body = rotateSecretRequest.prefault({})

@ApiTags('webhooks')
@Controller('v1/webhooks')
@Scopes('webhooks:write')
export class SecretsController {
  constructor(
    private readonly rotation: SecretRotation,
    private readonly turns: ConfigurationTurns,
  ) {}

  @Post(':id/rotate-secret')
  @HttpCode(200)
  @ApiOperation({ operationId: 'rotateSecret', summary: 'A new secret; the one before stays valid for a while.' })
  @ApiBody({ required: false, schema: { $ref: '#/components/schemas/SecretRotationRequest' } })
  @ApiOkResponse({ standardSchema: rotatedSecret, description: 'Applied: deliveries carry both signatures.' })
  @ApiConflictResponse({ description: 'An overlap is running, and overlap_seconds is not 0.' })
  async rotate(
    @AccountId() accountId: string,
    @Param('id') id: string,
    @Body({ schema: body }) request: z.infer<typeof body>,
  ): Promise<z.infer<typeof rotatedSecret>> {
    const overlapMs = request.overlap_seconds * 1_000
    const known = knownId('webhook', id)
    const rotated = await this.turns.take(accountId, () => this.rotation.rotate(accountId, known, overlapMs))
    if (!rotated) throw notFound('webhook')
    return { secret: rotated.secret, previous_expires_at: rotated.previousExpiresAt.toISOString() }
  }
}
