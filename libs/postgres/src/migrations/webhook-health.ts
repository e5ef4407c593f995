import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Streaks, counted from the log, and the notifications that follow from them. `failing` is no longer stored with the
 * webhook: its configuration has one writer, its health another.
 */
export class WebhookHealth1763960000003 implements MigrationInterface {
  readonly name = 'WebhookHealth1763960000003'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("update webhooks set state = 'active' where state = 'failing'")
    await runner.query(`
      alter table webhooks
        drop column failing_since,
        drop constraint webhooks_state_check,
        add constraint webhooks_state_check check (state in ('active', 'disabled')),
        add column judged_from timestamptz(3)`)
    await runner.query('update webhooks set judged_from = created_at')
    await runner.query('alter table webhooks alter column judged_from set not null')
    // A read model: no reference to webhooks, so that a deletion never fails the projector's batch. Room for updates
    // in place: every round of the projector touches the rows of the webhooks that were called.
    await runner.query(`
      create table webhook_health (
        webhook_id text primary key,
        last_success_at timestamptz(3),
        failures integer not null,
        failing_since timestamptz(3),
        last_failure_at timestamptz(3),
        last_failure_reason text,
        last_failure_status integer,
        recent_failures text not null,
        warned_at timestamptz(3)
      ) with (fillfactor = 70)`)
    await runner.query(`
      create index webhook_health_unwarned on webhook_health (failing_since)
      where failing_since is not null and (warned_at is null or warned_at < failing_since)`)
    await runner.query(`
      create table notifications (
        id bigint generated always as identity primary key,
        account_id text not null references accounts (id),
        webhook_id text not null,
        kind text not null check (kind in ('failing', 'disabled', 'enabled')),
        evidence text not null,
        created_at timestamptz(3) not null,
        attempts integer not null default 0,
        next_attempt_at timestamptz(3),
        sent_at timestamptz(3)
      )`)
    await runner.query(`
      create index notifications_pending on notifications (next_attempt_at) where next_attempt_at is not null`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table notifications, webhook_health')
    await runner.query(`
      alter table webhooks
        drop column judged_from,
        add column failing_since timestamptz(3),
        drop constraint webhooks_state_check,
        add constraint webhooks_state_check check (state in ('active', 'failing', 'disabled'))`)
  }
}
