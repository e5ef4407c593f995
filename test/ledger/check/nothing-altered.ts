import { createHash, createHmac } from 'node:crypto'
import type { LedgerEvent, LedgerRequest, LedgerWebhook } from '../ledger.js'
import { type Chain, nameOf } from './chains.js'
import type { Violation } from './violation.js'

/** Every attempt carries the bytes that were posted, and signatures over them that the webhook's secret makes. */
export function nothingAltered(chains: Chain[]): Violation[] {
  const sums = new Map<LedgerEvent, string>()
  const found: Violation[] = []
  for (const chain of chains) {
    const { event, webhook } = chain
    const sum = sums.get(event) ?? createHash('sha256').update(event.body).digest('hex')
    sums.set(event, sum)
    for (const request of chain.requests) {
      const problems = differences(request, event, webhook, sum)
      if (problems.length > 0) {
        const subject = `attempt ${request.attempt} of ${nameOf(chain)}`
        found.push({ rule: 'nothing altered', subject, detail: problems.join(', ') })
      }
    }
  }
  return found
}

function differences(request: LedgerRequest, event: LedgerEvent, webhook: LedgerWebhook, sum: string): string[] {
  const { bodySha256, signature, timestamp, standardSignature } = request
  const problems: string[] = []
  if (bodySha256 !== null && bodySha256 !== sum) problems.push('other bytes than were posted')
  if (signature !== createHmac('sha256', webhook.secret).update(event.body).digest('hex')) {
    problems.push('X-Webhook-Signature is not of these bytes')
  }
  const key = Buffer.from(webhook.secret.slice('whsec_'.length), 'base64')
  const standard = createHmac('sha256', key).update(`${event.id}.${timestamp}.${event.body}`).digest('base64')
  if (!standardSignature.split(' ').includes(`v1,${standard}`)) problems.push('webhook-signature is not of these bytes')
  return problems
}
