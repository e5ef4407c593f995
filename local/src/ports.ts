import { freePort, isPortFree, nextFreePort } from './free-port.js'
import { serviceNames, type ServiceName } from './service-environment.js'
import type { LocalState } from './state-file.js'

export interface StackPorts {
  api: number
  management: Record<ServiceName, number>
}

const defaultApiPort = 3000
const defaultManagementPort = 9464

/**
 * API_PORT, and MANAGEMENT_PORT as the first of three: exactly those when they are set, else the usual ones or the next
 * free ones.
 *
 * @throws Error naming the port in use and the variable that changes it
 */
export async function chooseServicePorts(environment: NodeJS.ProcessEnv): Promise<StackPorts> {
  const taken: number[] = []
  const choose = async (variable: string, offset: number, usual: number): Promise<number> => {
    const wanted = portOf(variable, environment[variable])
    const port = wanted === undefined ? await nextFreePort(usual, taken) : wanted + offset
    if (wanted !== undefined && (taken.includes(port) || !(await isPortFree(port)))) {
      throw new Error(`Port ${port} is in use. Choose another with ${variable}=${port + 10} npm start`)
    }
    taken.push(port)
    return port
  }
  const api = await choose('API_PORT', 0, defaultApiPort)
  const management = { api: 0, fanout: 0, dispatcher: 0 }
  for (const [offset, service] of serviceNames.entries()) {
    management[service] = await choose('MANAGEMENT_PORT', offset, defaultManagementPort + offset)
  }
  return { api, management }
}

/** The ports that an earlier start had, where they are free, so that URLs stay the same; otherwise others, kept from now. */
export async function keepPorts(state: Pick<LocalState, 'ports'>): Promise<Required<LocalState['ports']>> {
  const keep = async (kept: number | undefined): Promise<number> =>
    kept !== undefined && (await isPortFree(kept)) ? kept : freePort()
  const { kafka, postgres, receiver } = state.ports
  const ports = { kafka: await keep(kafka), postgres: await keep(postgres), receiver: await keep(receiver) }
  state.ports = ports
  return ports
}

function portOf(variable: string, text: string | undefined): number | undefined {
  if (!text) return undefined
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_533) {
    throw new Error(`${variable} is a port, a whole number from 1 to 65533, and not "${text}"`)
  }
  return port
}
