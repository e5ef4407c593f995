import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { freePort, isPortFree, nextFreePort } from './free-port.js'
import { chooseServicePorts, keepPorts } from './ports.js'

let occupant: Server
let occupied: number

beforeEach(async () => {
  occupied = await freePort()
  occupant = createServer()
  await new Promise<void>((resolve) => occupant.listen(occupied, '127.0.0.1', resolve))
})
afterEach(() => new Promise((resolve) => occupant.close(resolve)))

it('sees that a port is in use on loopback alone', async () => {
  expect(await isPortFree(occupied)).toBe(false)
  expect(await nextFreePort(occupied)).toBeGreaterThan(occupied)
})

it('names the variable when the port that was asked for is in use', async () => {
  await expect(chooseServicePorts({ API_PORT: String(occupied) })).rejects.toThrow(
    new RegExp(`Port ${occupied} is in use.*API_PORT=`),
  )
  await expect(chooseServicePorts({ MANAGEMENT_PORT: String(occupied) })).rejects.toThrow(
    new RegExp(`Port ${occupied} is in use.*MANAGEMENT_PORT=`),
  )
  // One of the other two: which one is named first depends on what else runs here.
  await expect(chooseServicePorts({ MANAGEMENT_PORT: String(occupied - 2) })).rejects.toThrow(
    /Port \d+ is in use.*MANAGEMENT_PORT=/,
  )
})

it('takes MANAGEMENT_PORT as the first of three', async () => {
  let first = await freePort()
  while (!(await isPortFree(first + 1)) || !(await isPortFree(first + 2))) first = await freePort()
  const { management } = await chooseServicePorts({ MANAGEMENT_PORT: String(first) })
  expect(management).toEqual({ api: first, fanout: first + 1, dispatcher: first + 2 })
})

it('finds four different ports when nothing was asked for', async () => {
  const { api, management } = await chooseServicePorts({})
  expect(new Set([api, ...Object.values(management)]).size).toBe(4)
})

it('refuses what is no port', async () => {
  for (const text of ['many', '0', '70000', '3000.5']) {
    await expect(chooseServicePorts({ API_PORT: text })).rejects.toThrow(/API_PORT is a port/)
  }
})

it('keeps the ports of an earlier start while they are free', async () => {
  const kafka = await freePort()
  const state = { ports: { kafka, postgres: occupied } }
  const ports = await keepPorts(state)
  expect(ports.kafka).toBe(kafka)
  expect(ports.postgres).not.toBe(occupied)
  expect(state.ports).toEqual(ports)
})
