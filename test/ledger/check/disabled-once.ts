import type { Ledger } from '../ledger.js'
import type { Violation } from './violation.js'

/** A webhook that answers 410 is disabled, once, for this reason; no other is. */
export function disabledOnce({ webhooks, requests }: Ledger): Violation[] {
  return webhooks.flatMap((webhook) => {
    const wasAsked = requests.some(({ path, isAnswered }) => path === webhook.path && isAnswered)
    const wanted = webhook.isGone && wasAsked ? 1 : 0
    const problems: string[] = []
    if (webhook.timesDisabled !== wanted) problems.push(`disabled ${webhook.timesDisabled} times, not ${wanted}`)
    if (wanted === 1 && webhook.state !== 'disabled') problems.push(`its state is ${webhook.state}`)
    if (wanted === 1 && webhook.disabledReason !== 'gone') problems.push(`its reason is ${webhook.disabledReason}`)
    return problems.map((detail) => ({
      rule: 'disabled exactly once' as const,
      subject: `${webhook.id} (${webhook.path})`,
      detail,
    }))
  })
}
