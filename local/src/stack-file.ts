import type { LocalAccount } from './local-account.js'
import type { ServiceName, StackSettings } from './service-environment.js'

/** `.local/stack.json`, for scripts: it is there exactly while the stack is ready. Its keys are a contract. */
export interface StackFile {
  api_url: string
  account_id: string
  api_key: string
  producer_key: string
  /** Authorities that the dispatcher trusts besides the system's, PEM. */
  ca_file: string
  /** null with --no-sample */
  receiver_url: string | null
  kafka_brokers: string
  database_url: string
  /** Base URLs: `/metrics`, `/health/ready` … */
  management: Record<ServiceName, string>
  /** null for servers that KAFKA_BROKERS or DATABASE_URL point at. */
  pids: Record<ServiceName, number> & { kafka: number | null; postgres: number | null }
}

/** Who runs under which number, Children for example. */
interface Pids {
  pid(name: string): number | undefined
}

export function stackFile(
  apiUrl: string,
  account: LocalAccount,
  settings: StackSettings,
  receiverUrl: string | null,
  children: Pids,
): StackFile {
  const managementUrl = (name: ServiceName): string => `http://127.0.0.1:${settings.managementPorts[name]}`
  return {
    api_url: apiUrl,
    account_id: account.id,
    api_key: account.api_key,
    producer_key: account.producer_key,
    ca_file: settings.authoritiesFile,
    receiver_url: receiverUrl,
    kafka_brokers: settings.kafkaBrokers,
    database_url: settings.databaseUrl,
    management: {
      api: managementUrl('api'),
      fanout: managementUrl('fanout'),
      dispatcher: managementUrl('dispatcher'),
    },
    pids: stackPids(children),
  }
}

/** @throws Error when a service was not started: a stack file without it would be wrong */
export function stackPids(children: Pids): StackFile['pids'] {
  const service = (name: ServiceName): number => {
    const pid = children.pid(name)
    if (pid === undefined) throw new Error(`${name} was not started`)
    return pid
  }
  return {
    api: service('api'),
    fanout: service('fanout'),
    dispatcher: service('dispatcher'),
    kafka: children.pid('kafka') ?? null,
    postgres: children.pid('postgres') ?? null,
  }
}
