import { epochMs } from '../epoch-ms.js'
import type { LastFailure, StreakRecord } from './streak-record.js'

/** Columns of `webhook_health h` as one record; all null where a webhook has no row yet. */
export const HEALTH_COLUMNS = `
  ${epochMs('h.last_success_at')} as "lastSuccessAt", h.failures, ${epochMs('h.failing_since')} as "failingSince",
  ${epochMs('h.last_failure_at')} as "lastFailureAt", h.last_failure_reason as "lastFailureReason",
  h.last_failure_status as "lastFailureStatus", ${epochMs('h.last_context_failure_at')} as "lastContextFailureAt",
  h.recent_failures as "recentFailures"`

export interface HealthColumns {
  lastSuccessAt: number | null
  failures: number | null
  failingSince: number | null
  lastFailureAt: number | null
  lastFailureReason: LastFailure['reason'] | null
  lastFailureStatus: number | null
  lastContextFailureAt: number | null
  recentFailures: string | null
}

export function recordOf(row: HealthColumns): StreakRecord {
  const { lastSuccessAt, failures, failingSince, lastFailureAt: at, lastFailureReason: reason } = row
  return {
    lastSuccessAt,
    failures: failures ?? 0,
    failingSince,
    lastFailure: at !== null && reason !== null ? { at, reason, status: row.lastFailureStatus } : null,
    lastContextFailureAt: row.lastContextFailureAt,
    recentFailures: row.recentFailures === null ? [] : (JSON.parse(row.recentFailures) as number[]),
  }
}
