import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AclEntry } from 'kafkajs'
import { kafkaJs } from '../../libs/kafka/src/client/kafkajs.js'
import { KAFKA_USERS, type KafkaUser, type Permission } from '#topics'
import { KafkaServer, freePort, issueCertificate, removeWithUs } from '../../local/src/index.js'
import { testAuthority } from './test-authority.js'

/** A real broker that lets in only whom it knows, over TLS, and each only to what it was granted. */
export class SecuredKafka {
  private constructor(
    private readonly server: KafkaServer,
    private readonly folder: string,
    /** For KAFKA_BROKERS: SASL over TLS. */
    readonly brokers: string,
    private readonly passwords: Record<KafkaUser, string>,
    readonly logFile: string,
  ) {}

  static async start(): Promise<SecuredKafka> {
    const folder = await mkdtemp(join(tmpdir(), 'webhooks-secured-kafka-'))
    removeWithUs(folder)
    const [port, controllerPort, securedPort] = [await freePort(), await freePort(), await freePort()]
    const { authority } = await testAuthority()
    const { key, cert } = await issueCertificate(authority, ['localhost'])
    const keystore = join(folder, 'broker.pem')
    await writeFile(keystore, key + cert, { mode: 0o600 })
    const users = Object.fromEntries(KAFKA_USERS.map((user) => [user, randomBytes(12).toString('hex')]))
    const logFile = join(folder, 'kafka.log')
    const server = await KafkaServer.start({
      dataDir: join(folder, 'kafka'),
      logFile,
      port,
      controllerPort,
      users,
      settings: {
        listeners:
          `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort},` +
          `SASL_SSL://localhost:${securedPort}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL_SSL://localhost:${securedPort}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL',
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': keystore,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // The broker itself and this test, on the listener without names; the services never use it.
        'super.users': 'User:ANONYMOUS',
      },
    })
    return new SecuredKafka(server, folder, `localhost:${securedPort}`, users as Record<KafkaUser, string>, logFile)
  }

  /** How a user reaches it, as variables. */
  async environmentOf(user: KafkaUser): Promise<Record<string, string>> {
    return {
      KAFKA_SSL_CA_FILE: (await testAuthority()).caFile,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: user,
      KAFKA_SASL_PASSWORD: this.passwords[user],
    }
  }

  async grant(user: KafkaUser, permissions: Permission[]): Promise<void> {
    const kafka = new kafkaJs.Kafka({ brokers: [this.server.brokers], logLevel: kafkaJs.logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    try {
      await admin.createAcls({ acl: permissions.flatMap((permission) => entriesOf(user, permission)) })
    } finally {
      await admin.disconnect()
    }
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}

function entriesOf(user: KafkaUser, { resource, name, isPrefix, operations }: Permission): AclEntry[] {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkaJs
  const operationTypes = {
    read: AclOperationTypes.READ,
    write: AclOperationTypes.WRITE,
    create: AclOperationTypes.CREATE,
    describe: AclOperationTypes.DESCRIBE,
    describe_configs: AclOperationTypes.DESCRIBE_CONFIGS,
  }
  return operations.map((operation) => ({
    principal: `User:${user}`,
    host: '*',
    permissionType: AclPermissionTypes.ALLOW,
    operation: operationTypes[operation],
    resourceType: resource === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
    resourceName: name,
    resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  }))
}
