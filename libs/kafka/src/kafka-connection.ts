import type { Kafka, logCreator, SASLOptions } from 'kafkajs'
import { calmLog } from './client/calm-log.js'
import { ClusterLink } from './client/cluster-link.js'
import { kafkaJs } from './client/kafkajs.js'
import { SocketLease } from './client/socket-lease.js'
import { tlsOptions } from './client/tls-options.js'
import type { KafkaLog, KafkaSettings } from './kafka-settings.js'

/** A kafkajs client together with the means to end it for good. */
export interface KafkaClient {
  kafka: Kafka
  end(): void
}

/** Where the cluster is and where to log; opens nothing itself. One per process is enough. */
export class KafkaConnection {
  // One for all clients: what repeats across reconnects is still one kind of message.
  private readonly logCreator: logCreator

  constructor(
    readonly settings: KafkaSettings,
    readonly log: KafkaLog,
  ) {
    this.logCreator = calmLog(log)
  }

  /** A client for what kafkajs does well (group membership, administration); a request waits `requestTimeoutMs`. */
  client(requestTimeoutMs: number): KafkaClient {
    const lease = new SocketLease(this.settings.brokers)
    const ssl = tlsOptions(this.settings)
    const kafka = new kafkaJs.Kafka({
      brokers: lease.brokers,
      clientId: this.settings.clientId,
      ...(ssl ? { ssl } : {}),
      ...(this.settings.sasl ? { sasl: this.settings.sasl as SASLOptions } : {}),
      socketFactory: lease.factory,
      connectionTimeout: 3_000,
      requestTimeout: requestTimeoutMs,
      logLevel: kafkaJs.logLevel.INFO,
      logCreator: this.logCreator,
    })
    return { kafka, end: () => lease.end() }
  }

  /** Connections for single requests without retries. */
  link(requestTimeoutMs: number): ClusterLink {
    return new ClusterLink(this.settings, this.logCreator, requestTimeoutMs)
  }
}
