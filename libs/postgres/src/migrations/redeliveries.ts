import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The chains that people asked for. The number of a chain is given here, once, whichever replica is asked and however
 * far the projector is; and here a request waits that is not yet in the log.
 */
export class Redeliveries1763960000005 implements MigrationInterface {
  readonly name = 'Redeliveries1763960000005'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table redeliveries (
        delivery_id text primary key,
        chain integer not null,
        requested_at timestamptz(3) not null,
        unsent text
      )`)
    await runner.query('create index redeliveries_by_age on redeliveries (requested_at)')
    await runner.query('create index redeliveries_unsent on redeliveries (requested_at) where unsent is not null')
    // For a dispatcher that takes over: few of many. No column of it changes while a chain runs, so that the
    // projector's updates stay in place.
    await runner.query('create index deliveries_in_later_chains on deliveries (accepted_at) where chain > 0')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index deliveries_in_later_chains')
    await runner.query('drop table redeliveries')
  }
}
