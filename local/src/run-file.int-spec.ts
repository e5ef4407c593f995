import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { processIdentity } from './process-identity.js'
import { AlreadyRunning, RunClaim } from './run-file.js'
import { startServerProcess, type ServerProcess } from './server-process.js'

let folder: string
let file: string
const nobody = { pid: 2_147_483_646, identity: '1' }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webhooks-run-'))
  file = join(folder, 'run.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('is held by one process at a time, and free again when released', async () => {
  const claim = await RunClaim.take(file, [], fail)
  await expect(RunClaim.take(file, [], fail)).rejects.toThrow(AlreadyRunning)
  await expect(RunClaim.take(file, [], fail)).rejects.toThrow(`process ${process.pid}`)
  await claim.release()
  await (await RunClaim.take(file, [], fail)).release()
})

it('stops what a killed start left behind, and removes the signs that it runs', async () => {
  const left = await aProcess()
  const sign = join(folder, 'stack.json')
  await writeFile(sign, '{}')
  const children = [{ name: 'api', pid: left.pid, identity: processIdentity(left.pid) ?? '' }]
  await writeFile(file, JSON.stringify({ ...nobody, children }))

  const reported: string[] = []
  await RunClaim.take(file, [sign], ({ name, pid }) => reported.push(`${name} ${pid}`))
  expect(reported).toEqual([`api ${left.pid}`])
  expect(left.running).toBe(false)
  expect(existsSync(sign)).toBe(false)
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid })
})

it('leaves a process alone that only has the number of one that was left behind', async () => {
  const other = await aProcess()
  const children = [{ name: 'api', pid: other.pid, identity: 'began at another time' }]
  await writeFile(file, JSON.stringify({ ...nobody, children }))
  await RunClaim.take(file, [], fail)
  expect(other.running).toBe(true)
  other.signal('SIGKILL')
  await other.ended
})

it('takes over from a stack whose npm was killed', async () => {
  const stack = await aProcess()
  const running = { pid: stack.pid, identity: processIdentity(stack.pid) ?? '' }
  await writeFile(file, JSON.stringify({ ...running, npm: nobody, children: [] }))
  const claim = await RunClaim.take(file, [], () => undefined)
  expect(stack.running).toBe(false)
  await claim.release()
})

it('knows a process from a later one, and a dead one from a running one', async () => {
  const child = spawn('sleep', ['60'])
  const identity = processIdentity(child.pid ?? 0)
  expect(identity).toBeTruthy()
  expect(processIdentity(child.pid ?? 0)).toBe(identity)
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  expect(processIdentity(child.pid ?? 0)).toBeUndefined()
})

function aProcess(): Promise<ServerProcess> {
  return startServerProcess({ name: 'sleep', command: 'sleep', args: ['60'], logFile: join(folder, 'sleep.log') })
}

function fail(): never {
  throw new Error('nothing was left behind')
}
