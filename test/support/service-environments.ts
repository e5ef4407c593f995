import {
  ConfigurationProblems,
  type Environment,
  type PipelineConfig,
  readAdminConfig,
  readApiConfig,
  readDatabaseUrl,
  readDispatcherConfig,
  readFanoutConfig,
} from '#config'
import { VARIABLES } from '../../libs/config/src/variables.js'

export const services = { api: readApiConfig, fanout: readFanoutConfig, dispatcher: readDispatcherConfig }
export type ServiceName = keyof typeof services
export const serviceNames = Object.keys(services) as ServiceName[]

/** The commands that set up what the services need, and what reads their environment. */
export const commands = { migrate: readDatabaseUrl, 'create-topics': readAdminConfig }
export type CommandName = keyof typeof commands
export const commandNames = Object.keys(commands) as CommandName[]

/** Variables that hold a secret or could: they come from a secret store, never from a file in the repository. */
export const SECRET_VARIABLES = [
  'DATABASE_URL',
  'SECRETS_KEY',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
  'SMTP_URL',
] satisfies (keyof typeof VARIABLES)[]

/** Read by Node itself and not by us. */
const NODE_VARIABLES = ['NODE_OPTIONS', 'NODE_ENV']

/** A value of the right form for what a secret would hold. */
export function standIn(name: string): string {
  if (name === 'DATABASE_URL') return 'postgres://webhooks:secret@postgres:5432/webhooks'
  if (name === 'SMTP_URL') return 'smtps://webhooks:secret@mail'
  return name === 'SECRETS_KEY' ? Buffer.alloc(32, 1).toString('base64') : 'stand-in'
}

/** What a service or command would say to this environment at its start, and what it is given but does not read. */
export function environmentProblems(program: ServiceName | CommandName, environment: Environment): string[] {
  const asked = new Set<string>()
  const observed = new Proxy(environment, {
    get(target, name) {
      asked.add(String(name))
      return target[String(name)]
    },
  })
  const problems = configurationProblems(() => ({ ...services, ...commands })[program](observed))
  const given = Object.keys(environment).filter((name) => !NODE_VARIABLES.includes(name))
  const unread = given.filter((name) => !asked.has(name))
  return [...problems, ...unread.map((name) => `${program} is given ${name}, which it does not read`)]
}

export function configOf(service: ServiceName, environment: Environment): PipelineConfig {
  return services[service](environment)
}

export function unknownVariables(environment: Environment): string[] {
  return Object.keys(environment).filter((name) => !Object.hasOwn(VARIABLES, name) && !NODE_VARIABLES.includes(name))
}

/** What is wrong with an environment; empty when it can be read. */
export function configurationProblems(read: () => unknown): string[] {
  try {
    read()
    return []
  } catch (error) {
    if (error instanceof ConfigurationProblems) return error.problems
    throw error
  }
}
