import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What makes every filtered list, and the balance of what was promised and what was done, cheap to ask for. */
export class Accounting1763960000006 implements MigrationInterface {
  readonly name = 'Accounting1763960000006'

  async up(runner: QueryRunner): Promise<void> {
    // Each status and type of a webhook is a range of this index in the order of the list, however rare it is. The
    // price: the row of a delivery that ends is not updated in place.
    await runner.query(`
      create index deliveries_by_status_and_type
      on deliveries (webhook_id, coalesce(chain_end, 'waiting'), event_type, accepted_at desc, id desc)`)
    await runner.query('create index events_by_type on events (account_id, type, accepted_at desc, id desc)')
    await runner.query(`
      create index deliveries_waiting on deliveries (not_before) include (accepted_at, trigger)
      where chain_end is null`)
    // Rows come in the order of acceptance, or nearly: a few kilobytes are enough to find the last minute of a day.
    await runner.query('create index events_by_time on events using brin (accepted_at) with (autosummarize = on)')
    // One row: the figures of the last look, for all replicas.
    await runner.query(`
      create table accounting (
        only_row boolean primary key default true check (only_row),
        looked_at timestamptz(3) not null,
        figures text not null
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table accounting')
    await runner.query('drop index events_by_time, deliveries_waiting, events_by_type, deliveries_by_status_and_type')
  }
}
