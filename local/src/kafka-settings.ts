/** Where one broker, which is its own controller, keeps its data and listens; loopback only. */
export interface KafkaPlace {
  port: number
  controllerPort: number
  logFolder: string
}

/** In the broker's own names, such as `sasl.enabled.mechanisms`. */
export type BrokerSettings = Record<string, string | number | boolean>

/** Any fixed id does: every local broker is a cluster of its own. */
export const clusterId = 'Y29udGV4dGZpbGUtd2hvb2'

/**
 * `server.properties` of a single-node KRaft broker. What is not here is Kafka's default, `message.max.bytes` included,
 * so that what works here works there.
 */
export function serverProperties(place: KafkaPlace, forLoad: boolean, beside: BrokerSettings = {}): string {
  const settings: BrokerSettings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${place.controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${place.port},CONTROLLER://127.0.0.1:${place.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${place.port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': place.logFolder,
    // One broker can hold one replica: with the default of three the internal topics are never created, and every
    // consumer hears "The group coordinator is not available" for ever.
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // The default lets each new group wait 3 s for more members.
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    // A fetch that waits for records is kept until so many more are done with, 1,000 by default. Each of ours names every
    // partition, some 30 KB: they outlived the young generation, and a full collection of 75 to 100 ms followed.
    'fetch.purgatory.purge.interval.requests': 20,
    // For a server of its own the defaults are 3 and 8; here they would only wake one another.
    'num.network.threads': 1,
    'num.io.threads': 2,
    // 128 MB by default, for one cleaner that has a few thousand keys here.
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    ...(forLoad ? {} : quickRestart),
    ...beside,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

// After kill -9 the new broker waits until the old one's session is over: 9 s by default, and a start takes 12 s instead
// of 6. Under load a busy machine may be late with a heartbeat, and a fenced broker would spoil the measurement.
const quickRestart = { 'broker.session.timeout.ms': 3000, 'broker.heartbeat.interval.ms': 500 }

/** Kafka logs to standard output; at INFO its start alone writes hundreds of lines of settings. */
export const log4jProperties = `rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = stdout
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS} %-5p %c{1}: %m%n
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.denied.name = kafka.authorizer.logger
logger.denied.level = info
`

/**
 * JVM options: small, and quick to start for people and tests; with the full compiler for measurements. One broker on
 * one machine needs little heap, because what it serves lies in the page cache. While its collector works everybody
 * waits who waits for the broker: the serial one took twice as long as two threads, which is the p99 of a calm system.
 * What is old is collected for some 90 ms when its generation is full: with 144 MiB less than half as often as with 96.
 */
export function jvmOptions(log4jFile: string, forLoad: boolean): string[] {
  const quickStart = ['-XX:TieredStopAtLevel=1']
  const collector = ['-XX:+UseParallelGC', '-XX:ParallelGCThreads=2', '-XX:MetaspaceSize=64m']
  const options = ['-Xms144m', '-Xmx256m', ...collector, ...(forLoad ? [] : quickStart)]
  return [...options, `-Dlog4j2.configurationFile=${log4jFile}`]
}
