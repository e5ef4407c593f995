export { AccountingStore, AGE_LIMITS_S, type Accounts } from './accounting/accounting-store.js'
export { AuditedRows, type AuditedRow, type AuditedTable, type SoughtRow } from './accounting/audited-rows.js'
export { AccountStore, type AccountRow, type NewAccount } from './configuration/account-store.js'
export { ApiKeyStore, type ActiveKey, type ApiKeyRow, type NewApiKey } from './configuration/api-key-store.js'
export { OutboxStore, type PublishChanges } from './configuration/outbox-store.js'
export { ChangeWaiting, OverlapRunning, TooManyWebhooks, UnknownAccount } from './configuration/refusals.js'
export { SealStore, type Reseal, type Resealed } from './configuration/seal-store.js'
export { SecretStore, type Rotation } from './configuration/secret-store.js'
export type { WebhookRow } from './configuration/webhook-row.js'
export { WebhookSnapshot } from './configuration/webhook-snapshot.js'
export {
  WebhookStore,
  type Committed,
  type NewWebhook,
  type WebhookPage,
  type WebhookPatch,
} from './configuration/webhook-store.js'
export { Database, type DatabaseOptions, type Session, type Statement } from './database.js'
export { DatabaseUnavailable } from './database-unavailable.js'
export { untilAvailable } from './until-available.js'
export { DisableStore } from './health/disable-store.js'
export type { ClaimedNotification, Notification, NotificationEvidence, NotifiedStreak } from './health/notification.js'
export { MOST_MAILS_PER_HOUR } from './health/mail-bound.js'
export { NotificationStore, type WithheldMails } from './health/notification-store.js'
export { OperationalEventStore } from './health/operational-event-store.js'
export { StreakSnapshot } from './health/streak-snapshot.js'
export { WarningStore } from './health/warning-store.js'
export { migrate, pendingMigrations } from './migrate.js'
export { emptyBalance, type Balance, type BalanceEntry } from './read-models/balance.js'
export type { DeliveryFilter } from './read-models/delivery-list-query.js'
export { oneOfEach } from './read-models/by-key.js'
export { DeliveryLog, type LoggedAttempt } from './read-models/delivery-log.js'
export { merged, statesFrom, statusOf, type DeliveryState } from './read-models/delivery-state.js'
export { type AcceptanceKey, FannedOutEvents } from './read-models/fanned-out-events.js'
export { EndedChains, type ChainKey, type OverChain } from './read-models/ended-chains.js'
export { EventLog, type EventFilter } from './read-models/event-log.js'
export type { LogPage } from './read-models/log-page.js'
export { PartitionStore, type Retention } from './read-models/partition-store.js'
export type {
  AttemptRow,
  AttemptedRow,
  EventRow,
  FanOutRow,
  Matches,
  ReadModelRows,
  ReadModelTable,
} from './read-models/read-model-rows.js'
export { ReadModelWriter, type Written } from './read-models/read-model-writer.js'
export { isDayKept } from './read-models/utc-day.js'
export { ReadModelRebuild, RebuildOvertaken, RebuildRunning, type Rebuilding } from './rebuild/read-model-rebuild.js'
export { type ClaimedChain, RedeliveryStore, type RequestedChain } from './redeliveries/redelivery-store.js'
export { RunningChains } from './redeliveries/running-chains.js'
export { type RoleNames, RolesMissing, roleNames } from './roles/reader-roles.js'
export { ReplayList } from './replays/replay-list.js'
export type {
  LogEnds,
  PlannedDelivery,
  ReplayPage,
  ReplayPosition,
  ReplayRow,
  ReplaySummary,
  SentMark,
} from './replays/replay-row.js'
export type { Counted, ReplayFilter } from './replays/replay-selection.js'
export { ReplayStore, type NewReplay } from './replays/replay-store.js'
