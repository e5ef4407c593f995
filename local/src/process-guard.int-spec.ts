import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { processIdentity } from './process-identity.js'
import { removeWithUs } from './process-guard.js'
import { projectRoot } from './project-root.js'
import { waitUntil } from './wait-until.js'

let folder: string
let parent: ChildProcess | undefined
// Another process cannot run the sources as vitest does. Inside the project, where its node_modules are found.
let built: string

beforeAll(async () => {
  const cache = join(projectRoot(), '.cache')
  await mkdir(cache, { recursive: true })
  built = await mkdtemp(join(cache, 'guard-test-'))
  removeWithUs(built)
  const compiler = join(projectRoot(), 'node_modules', 'typescript', 'bin', 'tsc')
  const project = join(projectRoot(), 'local', 'tsconfig.json')
  await promisify(execFile)(process.execPath, [compiler, '-p', project, '--outDir', built])
})
afterAll(() => rm(built, { recursive: true, force: true }))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webhooks-guard-'))
  removeWithUs(folder)
})
afterEach(async () => {
  parent?.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

it.each(['SIGKILL', 'SIGTERM'] as const)(
  'ends both servers and removes the folder after a parent’s %s',
  async (how) => {
    const temporary = join(folder, 'temporary')
    const pids = await startInAnotherProcess(`
    const folder = ${JSON.stringify(temporary)}
    removeWithUs(folder)
    const [kafka, postgres] = await Promise.all([
      KafkaServer.start({ dataDir: folder + '/kafka' }),
      PostgresServer.start({ dataDir: folder + '/postgres' }),
    ])
    console.log(JSON.stringify([kafka.pid, postgres.pid]))
  `)
    expect(pids.map(processIdentity)).toEqual([expect.any(String), expect.any(String)])
    parent?.kill(how)
    await waitUntil('the end of both', () => pids.every((pid) => processIdentity(pid) === undefined), {
      timeoutMs: 5000,
    })
    await waitUntil('the removal', () => !existsSync(temporary), { timeoutMs: 5000 })
  },
)

it('ends a process that ignores everything but SIGKILL, when its parent fails', async () => {
  const [pid = 0] = await startInAnotherProcess(`
    const stubborn = 'trap "" TERM INT HUP; while :; do sleep 1; done'
    const logFile = ${JSON.stringify(join(folder, 'log'))}
    const child = await startServerProcess({ name: 'stubborn', command: '/bin/sh', args: ['-c', stubborn], logFile })
    console.log(JSON.stringify([child.pid]))
    process.on('SIGUSR2', () => { throw new Error('a defect') })
  `)
  parent?.kill('SIGUSR2')
  await waitUntil('its end', () => processIdentity(pid) === undefined, { timeoutMs: 5000 })
})

async function startInAnotherProcess(script: string): Promise<number[]> {
  const file = join(built, 'script.mjs')
  const names = '{ KafkaServer, PostgresServer, removeWithUs, startServerProcess }'
  await writeFile(file, `import ${names} from './local/src/index.js'\n${script}`)
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'ignore'] })
  parent = child
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const spoken = (): boolean => output.includes('\n') || child.exitCode !== null
  await waitUntil('the start of the servers', spoken, { timeoutMs: 30_000 })
  return JSON.parse(output) as number[]
}
