export const serviceNames = ['api', 'fanout', 'dispatcher'] as const
export type ServiceName = (typeof serviceNames)[number]

/** What the local stack decides for its services. */
export interface StackSettings {
  apiPort: number
  managementPorts: Record<ServiceName, number>
  kafkaBrokers: string
  /** The stack's own broker, which is alone; false for one of the user's. */
  kafkaIsOurs: boolean
  /** Of the user who owns the tables: the API's. */
  databaseUrl: string
  /** Of the users who only read; the owner's where the database is the user's, and who may do what is theirs to say. */
  readerUrls?: { fanout: string; dispatcher: string }
  secretsKey: string
  authoritiesFile: string
}

/**
 * Of V8's old generation, MiB: what `k8s/base` gives each service. Without a limit V8 takes what the machine has before
 * it looks for garbage, and a service grows to twice the size.
 */
export const oldSpaceMiB: Record<ServiceName, number> = { api: 358, fanout: 358, dispatcher: 537 }

const loopback = '127.0.0.0/8,::1/128'

/** The environment of one service: everything that is set here, and above it what the stack decides. */
export function serviceEnvironment(
  service: ServiceName,
  settings: StackSettings,
  environment: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const { SECRETS_KEY: _, ...passedOn } = environment
  return {
    // An arena per thread, of which hardly any is used, is most of what is resident besides the heap.
    MALLOC_ARENA_MAX: '2',
    ...passedOn,
    NODE_OPTIONS: [`--max-old-space-size=${oldSpaceMiB[service]}`, environment.NODE_OPTIONS].filter(Boolean).join(' '),
    API_PORT: String(settings.apiPort),
    MANAGEMENT_PORT: String(settings.managementPorts[service]),
    KAFKA_BROKERS: settings.kafkaBrokers,
    // The default of three replicas is for real clusters; a lone broker refuses it.
    ...(settings.kafkaIsOurs && { KAFKA_REPLICATION_FACTOR: environment.KAFKA_REPLICATION_FACTOR || '1' }),
    DATABASE_URL: (service !== 'api' && settings.readerUrls?.[service]) || settings.databaseUrl,
    EGRESS_ALLOWED_CIDRS: environment.EGRESS_ALLOWED_CIDRS || loopback,
    EGRESS_CA_FILE: settings.authoritiesFile,
    // Fan-out never sees a secret.
    ...(service !== 'fanout' && { SECRETS_KEY: settings.secretsKey }),
  }
}
