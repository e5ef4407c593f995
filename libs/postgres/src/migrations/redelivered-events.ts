import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * When the event was accepted whose delivery was asked for again: days later its id may come once more, as another event.
 * A process of the release before leaves it empty.
 */
export class RedeliveredEvents1763960000012 implements MigrationInterface {
  readonly name = 'RedeliveredEvents1763960000012'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table redeliveries add column accepted_at timestamptz(3)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table redeliveries drop column accepted_at')
  }
}
