import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What of a replay was sent and may not have been attempted yet, so that whoever goes on with it knows. */
export class ReplaysAhead1763960000011 implements MigrationInterface {
  readonly name = 'ReplaysAhead1763960000011'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("alter table replays add column ahead text not null default '[]'")
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table replays drop column ahead')
  }
}
