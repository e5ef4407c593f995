import { randomBytes } from 'node:crypto'
import type { ApiClient } from './api-client.js'
import { issueCertificate, type Certificate } from './certificates.js'
import type { SeenDelivery } from './delivery-line.js'
import type { LocalAccount } from './local-account.js'
import { SampleReceiver } from './sample-receiver.js'
import { ensureSampleWebhook, type SampleWebhook } from './sample-webhook.js'
import { sampleContext } from './summary.js'
import { waitUntil } from './wait-until.js'

// The first retry comes after 10 s: an attempt that failed while things settled is forgiven.
const arrivalLimitMs = 60_000

/** The sample receiver, its webhook, and the one event that shows that everything works. */
export class Sample {
  private readonly eventId = `evt_sample_${randomBytes(8).toString('hex')}`
  private arrived = false

  private constructor(private readonly onDelivery: (seen: SeenDelivery) => void) {}

  private server: SampleReceiver | undefined

  static async start(port: number, authority: Certificate, onDelivery: (seen: SeenDelivery) => void): Promise<Sample> {
    const sample = new Sample(onDelivery)
    const certificate = await issueCertificate(authority, ['localhost', '127.0.0.1'])
    sample.server = await SampleReceiver.start({ port, certificate, onDelivery: (seen) => sample.see(seen) })
    return sample
  }

  get receiver(): SampleReceiver {
    if (!this.server) throw new Error('the sample receiver was not started')
    return this.server
  }

  async register(api: ApiClient, account: LocalAccount, kept: SampleWebhook | undefined): Promise<SampleWebhook> {
    // Known before the request: deliveries of an earlier start's retries may come in at any moment.
    this.receiver.secret = kept?.secret
    const webhook = await ensureSampleWebhook(api, account.api_key, this.receiver.url, kept)
    this.receiver.secret = webhook.secret
    return webhook
  }

  /** Posts an event as a producer would, and waits until the receiver has it with the right signature. */
  async sendOne(api: ApiClient, account: LocalAccount, signal: AbortSignal): Promise<void> {
    await api.expect('POST', '/v1/events', account.producer_key, {
      account_id: account.id,
      type: 'context.updated',
      id: this.eventId,
      context: sampleContext,
    })
    const limits = { timeoutMs: arrivalLimitMs, signal }
    await waitUntil('the verified arrival of the sample event', () => this.arrived, limits)
  }

  private see(seen: SeenDelivery): void {
    if (seen.eventId === this.eventId && seen.verified === true) this.arrived = true
    this.onDelivery(seen)
  }
}
