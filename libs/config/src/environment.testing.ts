import { ConfigurationProblems, type Environment } from './environment.js'

/** The least that every service needs; all the rest has defaults. */
export function anEnvironment(overrides: Record<string, string> = {}): Environment {
  return {
    KAFKA_BROKERS: 'kafka-1:9092,kafka-2:9092',
    DATABASE_URL: 'postgres://webhooks:hunter2@db:5432/webhooks',
    SECRETS_KEY: Buffer.alloc(32, 1).toString('base64'),
    ...overrides,
  }
}

/** What is wrong with an environment; empty when it can be read. */
export function problemsOf(read: () => unknown): string[] {
  try {
    read()
    return []
  } catch (error) {
    if (error instanceof ConfigurationProblems) return error.problems
    throw error
  }
}
