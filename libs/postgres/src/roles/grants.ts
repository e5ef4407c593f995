import type { Reader } from './role-names.js'

/**
 * What each service reads, column by column; it writes nothing. A query that reads more fails in every end-to-end test,
 * because the services run there as their own users. Partitions are not named: they are read through their table.
 */
export const GRANTS: Readonly<Record<Reader, Readonly<Record<string, readonly string[]>>>> = {
  // Everything that decides a match: no URL, no secret.
  fanout: {
    webhooks: ['id', 'account_id', 'version', 'events', 'state', 'created_at'],
    // What it asks when the offsets of its partitions are lost.
    fan_outs: ['event_id', 'account_id', 'accepted_at'],
  },
  dispatcher: {
    // What it calls and signs with.
    webhooks: ['id', 'account_id', 'version', 'events', 'state', 'created_at', 'url', 'judged_from'],
    webhook_secrets: ['id', 'webhook_id', 'sealed', 'expires_at'],
    // What it asks when it takes partitions over: streaks, ended chains, newest chains.
    webhook_health: ['webhook_id', 'failures', 'failing_since', 'last_failure_at'],
    deliveries: ['id', 'accepted_at', 'chain', 'chain_end', 'ended_at'],
    attempts: ['delivery_id', 'accepted_at', 'chain', 'number', 'outcome'],
    redeliveries: ['delivery_id', 'chain', 'accepted_at', 'requested_at'],
  },
}
