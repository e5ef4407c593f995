import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * What an event matched is stored as it is: with fifty webhooks it is 4 KB, and compressing it was half of the work of
 * writing it. What is there already stays compressed.
 */
export class MatchesAsTheyAre1763960000010 implements MigrationInterface {
  readonly name = 'MatchesAsTheyAre1763960000010'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table fan_outs alter column matches set storage external')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table fan_outs alter column matches set storage extended')
  }
}
