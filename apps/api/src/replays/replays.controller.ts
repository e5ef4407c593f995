import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common'
import { ApiAcceptedResponse, ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { ReplayCommand } from '#domain'
import { ReplayList } from '#postgres'
import { AccountId } from '../accounts/caller.js'
import { Scopes } from '../accounts/scopes.js'
import { knownId } from '../deliveries/not-found.js'
import { Cursors } from '../http/cursors.js'
import { type Page, listOf, pageOf } from '../http/list.js'
import {
  type ReplayAccepted,
  type ReplayAnswer,
  type ReplayCounted,
  type ReplayRequest,
  type ReplaysQuery,
  replayAccepted,
  replayAnswer,
  replayCounted,
  replayRequest,
  replaysQuery,
} from './replay-schemas.js'
import { detailOfCount, detailOfReplay, replayView } from './replay-view.js'
import { Replays, unknownReplay } from './replays.js'

/** Where a page of the list ended. `createdAt` in ms since the epoch. */
const keyset = z.strictObject({ createdAt: z.int().min(0), id: z.string() })

const WRONG_STATE = 'The replay is in a state in which this means nothing; the detail says in which.'

@ApiTags('replays')
@Controller('v1')
export class ReplaysController {
  constructor(
    private readonly replays: Replays,
    private readonly list: ReplayList,
    private readonly cursors: Cursors,
  ) {}

  @Post('webhooks/:id/replays')
  @HttpCode(202)
  @Scopes('deliveries:write')
  @ApiOperation({
    operationId: 'createReplay',
    summary: 'Send events of a time range once more, or for the first time, to one webhook.',
    description:
      'Events keep their ids, so that a receiver that drops what it has seen drops them here, too. Live traffic goes ' +
      'first. It starts once everything that was accepted before it is recorded.',
  })
  @ApiAcceptedResponse({ standardSchema: replayAccepted, description: 'Stored; it goes on by itself.' })
  @ApiOkResponse({ standardSchema: replayCounted, description: 'The count of a dry run; nothing was started.' })
  @ApiConflictResponse({ description: 'The webhook is disabled, or the account has too many replays.' })
  async create(
    @AccountId() accountId: string,
    @Param('id') webhookId: string,
    @Body({ schema: replayRequest }) request: ReplayRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReplayAccepted | ReplayCounted> {
    const requested = await this.replays.request(accountId, knownId('webhook', webhookId), request)
    const { count: matched } = requested
    if (requested.id !== null) return { id: requested.id, matched, ...detailOfReplay(requested) }
    reply.status(200)
    return { matched, ...detailOfCount(requested) }
  }

  @Get('replays')
  @Scopes('deliveries:read')
  @ApiOperation({
    operationId: 'listReplays',
    summary: 'The account’s replays, newest first, also those that are over.',
  })
  @ApiOkResponse({ standardSchema: listOf(replayAnswer), description: 'A page of replays.' })
  async ofAccount(
    @AccountId() accountId: string,
    @Query({ schema: replaysQuery }) query: ReplaysQuery,
  ): Promise<Page<ReplayAnswer>> {
    const { limit, cursor, webhook_id: webhookId, state } = query
    const list = ['replays', accountId]
    const after = cursor === undefined ? undefined : this.cursors.decode(list, keyset, cursor)
    const rows = await this.list.list(accountId, { webhookId, state }, { limit, after })
    return pageOf(rows, limit, ({ createdAt, id }) => this.cursors.encode(list, { createdAt, id }), replayView)
  }

  @Get('replays/:id')
  @Scopes('deliveries:read')
  @ApiOperation({ operationId: 'getReplay', summary: 'How far a replay is.' })
  @ApiOkResponse({ standardSchema: replayAnswer, description: 'The replay.' })
  async get(@AccountId() accountId: string, @Param('id') id: string): Promise<ReplayAnswer> {
    return replayView(await this.replays.find(accountId, replayId(id)))
  }

  @Post('replays/:id/pause')
  @HttpCode(200)
  @Scopes('deliveries:write')
  @ApiOperation({ operationId: 'pauseReplay', summary: 'Send nothing more for now; what is under way still goes.' })
  @ApiOkResponse({ standardSchema: replayAnswer, description: 'It is paused.' })
  @ApiConflictResponse({ description: WRONG_STATE })
  pause(@AccountId() accountId: string, @Param('id') id: string): Promise<ReplayAnswer> {
    return this.#command(accountId, id, 'pause')
  }

  @Post('replays/:id/resume')
  @HttpCode(200)
  @Scopes('deliveries:write')
  @ApiOperation({ operationId: 'resumeReplay', summary: 'Go on where it was paused.' })
  @ApiOkResponse({ standardSchema: replayAnswer, description: 'It goes on.' })
  @ApiConflictResponse({ description: `${WRONG_STATE} Or its webhook is disabled or was deleted.` })
  resume(@AccountId() accountId: string, @Param('id') id: string): Promise<ReplayAnswer> {
    return this.#command(accountId, id, 'resume')
  }

  @Post('replays/:id/cancel')
  @HttpCode(200)
  @Scopes('deliveries:write')
  @ApiOperation({ operationId: 'cancelReplay', summary: 'End it; what is under way still goes.' })
  @ApiOkResponse({ standardSchema: replayAnswer, description: 'It is cancelled.' })
  @ApiConflictResponse({ description: WRONG_STATE })
  cancel(@AccountId() accountId: string, @Param('id') id: string): Promise<ReplayAnswer> {
    return this.#command(accountId, id, 'cancel')
  }

  async #command(accountId: string, id: string, command: ReplayCommand): Promise<ReplayAnswer> {
    return replayView(await this.replays.command(accountId, replayId(id), command))
  }
}

/** What cannot be an id is not looked for: it may hold what Postgres refuses. */
function replayId(text: string): string {
  if (!/^rpl_[0-9a-f]{32}$/.test(text)) throw unknownReplay()
  return text
}
