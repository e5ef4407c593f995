import type { LocalState } from './state-file.js'

/**
 * All that an administration command reads. With other values than the services have it would make topics that nobody
 * consumes, or miss keys that secrets are sealed with.
 */
export const adminVariables = [
  'KAFKA_BROKERS',
  'KAFKA_SSL',
  'KAFKA_SSL_CA_FILE',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_TOPIC_PREFIX',
  'KAFKA_PARTITIONS',
  'KAFKA_REPLICATION_FACTOR',
  'DATABASE_URL',
  'RETRY_SCHEDULE',
  'DELIVERY_MAX_AGE',
  'SECRETS_KEY',
  'EVENT_RETENTION',
  'DELIVERY_RETENTION',
  'LOG_LEVEL',
] as const

/** Those of them that are set, of the environment that the stack gives its API. */
export function adminVariablesOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const set = adminVariables.map((name) => [name, environment[name]] as const)
  return Object.fromEntries(set.filter((entry): entry is [(typeof entry)[0], string] => Boolean(entry[1])))
}

interface Surroundings {
  /** Whether a stack is ready: what a killed one has left in its state says nothing about the servers of today. */
  isRunning: boolean
  state: Pick<LocalState, 'secrets_key' | 'admin_environment'> | undefined
  /** Of whoever calls. */
  environment: NodeJS.ProcessEnv
}

/** The environment of `npm run admin`: as the running stack's services have it, unless the caller says otherwise. */
export function adminEnvironment({ isRunning, state, environment }: Surroundings): NodeJS.ProcessEnv {
  return {
    ...(state && { SECRETS_KEY: state.secrets_key }),
    ...(isRunning && state?.admin_environment),
    // An empty variable means "not set", as it does to the services.
    ...Object.fromEntries(Object.entries(environment).filter(([, value]) => value)),
  }
}
