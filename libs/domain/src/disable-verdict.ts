import type { DisableWebhook } from './command.js'
import { type DisableRule, type Streak, isDisableDue } from './streak.js'

/** What is known of the webhook that a command is about. Times in ms since the epoch. */
export interface CommandedWebhook {
  version: number
  isActive: boolean
  /** Attempts that were started before this are none of the present configuration's. */
  judgedFrom: number
}

/** What the log tells of its attempts so far. */
export interface ObservedHealth {
  lastSuccessAt: number | null
  streak: Streak | null
}

/**
 * - `disable`
 * - `refuted`: it stays as it is, but whoever asked is waiting for an answer: a newer version
 * - `outdated`: a newer version, or the deletion, is on its way already and answers by itself
 */
export type DisableVerdict = 'disable' | 'refuted' | 'outdated'

/**
 * Whether to do what the dispatcher asks. Give it what is known after everything that was in the log when the command
 * was looked at has been counted. A 410 needs no more than that the configuration is still the one that was told so.
 */
export function verdictOn(
  command: DisableWebhook,
  webhook: CommandedWebhook | null,
  { lastSuccessAt, streak }: ObservedHealth,
  rule: DisableRule,
): DisableVerdict {
  if (webhook === null || webhook.version > command.version) return 'outdated'
  // A version that we never gave: the database is older than the log. Without an answer the lane would wait for ever.
  if (webhook.version < command.version || !webhook.isActive) return 'refuted'
  if (command.reason === 'gone') return 'disable'
  const { since } = command.evidence
  const isDoubtful = since < webhook.judgedFrom || (lastSuccessAt !== null && lastSuccessAt > since)
  // A request that hung through the last success begins a streak, as the dispatcher sees it, before that success. Our
  // own count is in the order of starts: where it meets the rule by itself, the doubt is about seconds.
  return !isDoubtful || isDisableDue(streak, rule, command.at) ? 'disable' : 'refuted'
}
