import { StringDecoder } from 'node:string_decoder'
import { Inject, Injectable } from '@nestjs/common'
import {
  type AttemptOutcome,
  type DeliverableWebhook,
  type Delivery,
  type ResponseExcerpt,
  newId,
  outcomeOfStatus,
} from '#domain'
import { EgressClient, type EgressRequest, type EgressResult, type OwnFaultCause } from '#egress'
import { BrokenSealError, UnknownSealKeyError, signatureHeaders } from '#signing'
import { type SecretChoice, looksLikeWrongSecret } from './secret-choice.js'
import { shownRequestHeaders, shownResponseHeaders } from './shown-headers.js'
import { WebhooksToCall } from '../webhooks/webhooks-to-call.js'

export const ATTEMPT_TIMEOUT_MS = Symbol('attempt timeout in ms')

/** What one attempt came to, with all that the log will want to know of it. */
export interface AttemptReport {
  attemptId: string
  /** Ms since the epoch. */
  startedAt: number
  /** By a clock that nobody sets: set back, the other one would make it negative, and no read model takes that. */
  durationMs: number
  /** As it may be kept and shown: see `shown-headers.ts`, the receiver's as well. */
  request: { url: string; headers: Record<string, string> }
  response: ResponseExcerpt | null
  /** Null for a fault of ours, which neither counts as an attempt nor against the webhook. */
  result: AttemptOutcome | null
  ourFault?: OwnFaultCause | 'sealed_secret'
  /** It ended before there was a connection for its request. */
  isUnreached?: boolean
  /** For operators, never for customers. */
  detail?: string
}

/** How an attempt that counts ended. */
export interface CountedReport extends AttemptReport {
  result: AttemptOutcome
}

export function isCounted(report: AttemptReport): report is CountedReport {
  return report.result !== null
}

const EXCERPT_BYTES = 4_096
const USER_AGENT = 'ContextFile-Webhooks/0.1.0'
/** With less left of the deadline a second request could not be answered: the next attempt begins with it. Ms. */
const LEAST_FOR_SECOND_REQUEST_MS = 1_000

interface Sent {
  headers: Record<string, string>
  result: EgressResult
}

/** Signs the stored bytes and POSTs them. Never throws for what a stranger did. */
@Injectable()
export class AttemptDelivery {
  constructor(
    private readonly client: EgressClient,
    private readonly webhooks: WebhooksToCall,
    @Inject(ATTEMPT_TIMEOUT_MS) private readonly timeoutMs: number,
  ) {}

  /** One attempt: one request, or two where a receiver may have the other secret of a rotation. */
  async run(
    delivery: Delivery,
    webhook: DeliverableWebhook,
    choice: SecretChoice,
    onNewConnection = false,
  ): Promise<AttemptReport> {
    const startedAt = Date.now()
    const begunAt = performance.now()
    const secrets = this.#secretsOf(webhook, startedAt)
    if ('unreadable' in secrets) return unsigned(webhook, startedAt, secrets.unreadable)
    const { first, other } = choice.order(secrets)
    let sent = await this.#send(delivery, webhook, first, secrets, { deadlineMs: this.timeoutMs, onNewConnection })
    if (other !== undefined) {
      sent = (await this.#tryOther(delivery, webhook, sent, { first, other, secrets, begunAt }, choice)) ?? sent
    }
    return {
      attemptId: newId('atm'),
      startedAt,
      durationMs: other === undefined ? Math.round(sent.result.durationMs) : msSince(begunAt),
      request: { url: webhook.url, headers: shownRequestHeaders(sent.headers) },
      ...whatItCameTo(sent.result),
    }
  }

  /** A seal that does not open is one webhook's trouble, and ours to mend: its neighbours go on. */
  #secretsOf(webhook: DeliverableWebhook, now: number): string[] | { unreadable: string } {
    try {
      return this.webhooks.secretsOf(webhook, now)
    } catch (error) {
      if (error instanceof UnknownSealKeyError || error instanceof BrokenSealError) return { unreadable: error.message }
      throw error
    }
  }

  /** @returns the second request where one was made; remembers which secret was taken, or is to be tried next */
  async #tryOther(
    delivery: Delivery,
    webhook: DeliverableWebhook,
    sent: Sent,
    { first, other, secrets, begunAt }: { first: string; other: string; secrets: string[]; begunAt: number },
    choice: SecretChoice,
  ): Promise<Sent | undefined> {
    if (isSuccess(sent.result)) choice.prefer(first)
    if (sent.result.kind !== 'answered' || !looksLikeWrongSecret(sent.result.status)) return undefined
    const left = this.timeoutMs - msSince(begunAt)
    if (left < LEAST_FOR_SECOND_REQUEST_MS) {
      choice.prefer(other)
      return undefined
    }
    const second = await this.#send(delivery, webhook, other, secrets, { deadlineMs: left })
    if (isSuccess(second.result)) choice.prefer(other)
    return second
  }

  async #send(
    delivery: Delivery,
    webhook: DeliverableWebhook,
    primarySecret: string,
    secrets: string[],
    how: Pick<EgressRequest, 'deadlineMs' | 'onNewConnection'>,
  ): Promise<Sent> {
    const headers = {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      ...signatureHeaders({
        body: delivery.body,
        eventId: delivery.eventId,
        timestampSeconds: Math.floor(Date.now() / 1_000),
        primarySecret,
        secrets,
      }),
      'x-webhook-event': delivery.eventType,
      'x-webhook-delivery': delivery.id,
      'x-webhook-attempt': String(delivery.attempt),
    }
    const result = await this.client.send({ url: webhook.url, headers, body: delivery.body, ...how })
    return { headers, result }
  }
}

function unsigned({ url }: DeliverableWebhook, startedAt: number, detail: string): AttemptReport {
  const request = { url, headers: {} }
  const ourFault = 'sealed_secret'
  return { attemptId: newId('atm'), startedAt, durationMs: 0, request, response: null, result: null, ourFault, detail }
}

/** @param begunAt of `performance.now()` */
function msSince(begunAt: number): number {
  return Math.round(performance.now() - begunAt)
}

function isSuccess(result: EgressResult): boolean {
  return result.kind === 'answered' && result.status >= 200 && result.status < 300
}

/** Not cut within a character, which would show as one that the receiver did not send. */
function excerptOf(body: Buffer): string {
  if (body.length <= EXCERPT_BYTES) return body.toString('utf8')
  return new StringDecoder('utf8').write(body.subarray(0, EXCERPT_BYTES))
}

type Outcome = Pick<AttemptReport, 'result' | 'ourFault' | 'response' | 'isUnreached' | 'detail'>

function whatItCameTo(result: EgressResult): Outcome {
  switch (result.kind) {
    case 'answered':
      return {
        result: outcomeOfStatus(result.status, result.headers['retry-after'], Date.now()),
        response: {
          status: result.status,
          headers: shownResponseHeaders(result.headers),
          body: excerptOf(result.body),
        },
      }
    case 'failed':
      return {
        result: { kind: 'failed', reason: result.reason },
        response: null,
        isUnreached: result.phase !== 'headers' && result.phase !== 'body',
        detail: result.detail,
      }
    case 'own-fault':
      return { result: null, ourFault: result.cause, response: null, detail: result.detail }
  }
}
