import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common'
import {
  ApiBody,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger'
import { z } from 'zod'
import type { EgressPolicy } from '#egress'
import { type WebhookRow, WebhookStore } from '#postgres'
import { AccountId } from '../accounts/caller.js'
import { Scopes } from '../accounts/scopes.js'
import { Cursors } from '../http/cursors.js'
import { listOf, pageOf, pageQuery } from '../http/list.js'
import { Problem } from '../http/problem.js'
import { EGRESS_POLICY } from '../infrastructure/injection-tokens.js'
import { ConfigurationTurns } from './configuration-turns.js'
import { WebhookConfiguration } from './webhook-configuration.js'
import { createWebhookRequest, createdWebhook, updateWebhookRequest, webhookAnswer } from './webhook-schemas.js'
import { validateWebhook } from './webhook-validation.js'
import { createdWebhookView, webhookView } from './webhook-view.js'

const listQuery = z.strictObject(pageQuery)
const keyset = z.strictObject({ createdAt: z.iso.datetime(), id: z.string().regex(/^whk_[0-9a-f]{32}$/) })

@ApiTags('webhooks')
@Controller('v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly store: WebhookStore,
    private readonly configuration: WebhookConfiguration,
    private readonly turns: ConfigurationTurns,
    private readonly cursors: Cursors,
    @Inject(EGRESS_POLICY) private readonly policy: EgressPolicy,
  ) {}

  @Post()
  @Scopes('webhooks:write')
  @ApiOperation({ operationId: 'createWebhook', summary: 'Create a webhook; the only answer with its secret.' })
  @ApiBody({ schema: { $ref: '#/components/schemas/WebhookRequest' } })
  @ApiCreatedResponse({ standardSchema: createdWebhook, description: 'Every event accepted from now on reaches it.' })
  @ApiConflictResponse({ description: 'The account has 100 webhooks.' })
  async create(@AccountId() accountId: string, @Body() body: unknown) {
    const request = validateWebhook(createWebhookRequest, body, this.policy)
    const created = this.turns.take(accountId, () => this.configuration.create(accountId, request))
    const { webhook, secret } = await created
    return createdWebhookView(webhook, secret)
  }

  @Get()
  @Scopes('webhooks:read')
  @ApiOperation({ operationId: 'listWebhooks', summary: 'The account’s webhooks, newest first.' })
  @ApiOkResponse({ standardSchema: listOf(webhookAnswer), description: 'A page of webhooks.' })
  async list(@AccountId() accountId: string, @Query({ schema: listQuery }) query: z.infer<typeof listQuery>) {
    const list = ['webhooks', accountId]
    const rows = await this.store.list(accountId, {
      limit: query.limit,
      ...(query.cursor !== undefined && { after: rowOf(this.cursors.decode(list, keyset, query.cursor)) }),
    })
    return pageOf(rows, query.limit, (row) => this.cursors.encode(list, keysetOf(row)), webhookView)
  }

  @Get(':id')
  @Scopes('webhooks:read')
  @ApiOperation({ operationId: 'getWebhook', summary: 'One webhook, without its secret.' })
  @ApiOkResponse({ standardSchema: webhookAnswer, description: 'The webhook.' })
  async get(@AccountId() accountId: string, @Param('id') id: string) {
    return webhookView(found(await this.store.find(accountId, webhookId(id))))
  }

  @Patch(':id')
  @Scopes('webhooks:write')
  @ApiOperation({ operationId: 'updateWebhook', summary: 'Change, disable or enable a webhook.' })
  @ApiBody({ schema: { $ref: '#/components/schemas/WebhookChange' } })
  @ApiOkResponse({ standardSchema: webhookAnswer, description: 'Applied: the next attempt follows it.' })
  async update(@AccountId() accountId: string, @Param('id') id: string, @Body() body: unknown) {
    const request = validateWebhook(updateWebhookRequest, body, this.policy)
    const known = webhookId(id)
    const updated = this.turns.take(accountId, () => this.configuration.update(accountId, known, request))
    return webhookView(found(await updated))
  }

  @Delete(':id')
  @HttpCode(204)
  @Scopes('webhooks:write')
  @ApiOperation({ operationId: 'deleteWebhook', summary: 'Delete a webhook; what waits for it is cancelled.' })
  @ApiNoContentResponse({ description: 'It is gone.' })
  async delete(@AccountId() accountId: string, @Param('id') id: string): Promise<void> {
    const known = webhookId(id)
    const removed = this.turns.take(accountId, () => this.configuration.remove(accountId, known))
    if (!(await removed)) throw notFound()
  }
}

/** What cannot be an id is not looked for: it may hold what Postgres refuses. */
function webhookId(text: string): string {
  if (!/^whk_[0-9a-f]{32}$/.test(text)) throw notFound()
  return text
}

function found(row: WebhookRow | null): WebhookRow {
  if (!row) throw notFound()
  return row
}

function notFound(): Problem {
  return new Problem(404, 'Not Found', 'There is no such webhook in this account.')
}

function keysetOf(row: WebhookRow): z.infer<typeof keyset> {
  return { createdAt: row.createdAt.toISOString(), id: row.id }
}

function rowOf({ createdAt, id }: z.infer<typeof keyset>): { createdAt: Date; id: string } {
  return { createdAt: new Date(createdAt), id }
}
