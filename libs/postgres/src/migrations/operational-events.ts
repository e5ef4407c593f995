import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Notifications are also told to the account's other webhooks, as events. In columns beside those of the mail, which a
 * process of the release before goes on reading and writing as it did.
 */
export class OperationalEvents1763960000008 implements MigrationInterface {
  readonly name = 'OperationalEvents1763960000008'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table notifications
        add column event_due_at timestamptz(3),
        add column event_sent_at timestamptz(3)`)
    await runner.query(`
      create index notifications_events_due on notifications (event_due_at) where event_due_at is not null`)
    await runner.query('alter table webhook_health add column last_context_failure_at timestamptz(3)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table webhook_health drop column last_context_failure_at')
    await runner.query('alter table notifications drop column event_due_at, drop column event_sent_at')
  }
}
