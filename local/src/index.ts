export {
  issueCertificate,
  issueExpiredCertificate,
  makeAuthority,
  selfSignedCertificate,
  type Certificate,
} from './certificates.js'
export { freePort, isPortFree, nextFreePort } from './free-port.js'
export { KafkaServer, type KafkaServerOptions } from './kafka-server.js'
export { PostgresServer, type PostgresServerOptions } from './postgres-server.js'
export { removeWithUs } from './process-guard.js'
export { projectRoot } from './project-root.js'
export {
  endServerProcess,
  startServerProcess,
  type ProcessEnd,
  type ServerCommand,
  type ServerProcess,
} from './server-process.js'
export { waitUntil } from './wait-until.js'
