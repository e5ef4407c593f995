import { Inject, Injectable } from '@nestjs/common'
import {
  type AttemptOutcome,
  type DeliverableWebhook,
  type Delivery,
  type ResponseExcerpt,
  newId,
  outcomeOfStatus,
} from '#domain'
import { EgressClient, type EgressResult, type OwnFaultCause } from '#egress'
import { signatureHeaders } from '#signing'
import { WebhooksToCall } from './webhooks-to-call.js'

export const ATTEMPT_TIMEOUT_MS = Symbol('attempt timeout in ms')

/** What one request came to, with all that the log will want to know of it. */
export interface AttemptReport {
  attemptId: string
  /** Ms since the epoch. */
  startedAt: number
  durationMs: number
  request: { url: string; headers: Record<string, string> }
  response: ResponseExcerpt | null
  /** Null for a fault of ours, which neither counts as an attempt nor against the webhook. */
  result: AttemptOutcome | null
  ourFault?: OwnFaultCause
  /** For operators, never for customers. */
  detail?: string
}

const EXCERPT_BYTES = 4_096
const USER_AGENT = 'ContextFile-Webhooks/0.1.0'

/** Signs the stored bytes and POSTs them, once. Never throws for what a stranger did. */
@Injectable()
export class AttemptDelivery {
  constructor(
    private readonly client: EgressClient,
    private readonly webhooks: WebhooksToCall,
    @Inject(ATTEMPT_TIMEOUT_MS) private readonly timeoutMs: number,
  ) {}

  async run(delivery: Delivery, webhook: DeliverableWebhook): Promise<AttemptReport> {
    const startedAt = Date.now()
    const headers = this.#headers(delivery, webhook, startedAt)
    const result = await this.client.send({
      url: webhook.url,
      headers,
      body: delivery.body,
      deadlineMs: this.timeoutMs,
    })
    return {
      attemptId: newId('atm'),
      startedAt,
      durationMs: Math.round(result.durationMs),
      request: { url: webhook.url, headers },
      ...whatItCameTo(result),
    }
  }

  #headers(delivery: Delivery, webhook: DeliverableWebhook, now: number): Record<string, string> {
    const secrets = this.webhooks.secretsOf(webhook, now)
    return {
      'Content-Type': 'application/json',
      'User-Agent': USER_AGENT,
      ...signatureHeaders({
        body: delivery.body,
        eventId: delivery.eventId,
        timestampSeconds: Math.floor(now / 1_000),
        primarySecret: secrets[0]!,
        secrets,
      }),
      'X-Webhook-Event': delivery.eventType,
      'X-Webhook-Delivery': delivery.id,
      'X-Webhook-Attempt': String(delivery.attempt),
    }
  }
}

function whatItCameTo(result: EgressResult): Pick<AttemptReport, 'result' | 'ourFault' | 'response' | 'detail'> {
  switch (result.kind) {
    case 'answered':
      return {
        result: outcomeOfStatus(result.status, result.headers['retry-after'], Date.now()),
        response: {
          status: result.status,
          headers: result.headers,
          body: result.body.subarray(0, EXCERPT_BYTES).toString('utf8'),
        },
      }
    case 'failed':
      return { result: { kind: 'failed', reason: result.reason }, response: null, detail: result.detail }
    case 'own-fault':
      return { result: null, ourFault: result.cause, response: null, detail: result.detail }
  }
}
