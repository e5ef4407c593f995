import type { PostgresServer, ProcessEnd } from '../../local/src/index.js'
import { isKafkaReady } from '../../local/src/kafka-ready.js'
import { isPostgresReady } from '../../local/src/postgres-ready.js'
import type { KafkaCluster } from '../support/kafka-cluster.js'
import type { Pipeline } from '../support/pipeline.js'
import type { Target } from './ledger.js'

/** A process that the nemesis may hit, whatever it is. */
export interface Victim {
  target: Target
  /** For people and logs: `dispatcher-2`. */
  instance: string
  /** What asks it to end cleanly. */
  politely: NodeJS.Signals
  readonly pid: number
  readonly ended: Promise<ProcessEnd>
  isReady(): Promise<boolean>
  startAgain(): Promise<void>
}

/** All processes of a run: the services, the brokers and the database. */
export function victimsOf(pipeline: Pipeline, kafka: KafkaCluster, postgres: PostgresServer): Victim[] {
  const postgresPort = Number(new URL(postgres.databaseUrl).port)
  const services = [...pipeline.services].map(([instance, service]) =>
    victim(service, service.name, instance, 'SIGTERM', () => pipeline.isReady(instance)),
  )
  const brokers = kafka.servers.map((server, i) => {
    const port = Number(server.brokers.split(':').at(-1))
    return victim(server, 'kafka', `kafka-${i + 1}`, 'SIGTERM', () => isKafkaReady(port))
  })
  return [
    ...services,
    ...brokers,
    // Its "smart" shutdown, SIGTERM, would wait for clients that never leave.
    victim(postgres, 'postgres', 'postgres', 'SIGINT', () => isPostgresReady(postgresPort)),
  ]
}

type Child = Pick<Victim, 'pid' | 'ended' | 'startAgain'>

function victim(
  child: Child,
  target: Target,
  instance: string,
  politely: NodeJS.Signals,
  isReady: () => Promise<boolean>,
): Victim {
  return {
    target,
    instance,
    politely,
    get pid() {
      return child.pid
    },
    get ended() {
      return child.ended
    },
    isReady,
    startAgain: () => child.startAgain(),
  }
}
