import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { makeTrustedAuthority } from '../../local/src/authorities-file.js'
import { issueCertificate, projectRoot, removeWithUs } from '../../local/src/index.js'
import { stopRequest } from '../../local/src/stop-request.js'
import { type BenchArguments, parseBenchArguments, usage } from './arguments.js'
import { BenchReceiver } from './receiver/bench-receiver.js'
import { describeMachine } from './report/machine.js'
import { type Circumstances, page, type ScenarioResult } from './report/page.js'
import { Progress } from './report/progress.js'
import { showProfiles } from './report/show-profiles.js'
import { summarizeRepeats, tableCells } from './report/summary.js'
import { alignedLines } from './report/table.js'
import { runScenarios } from './run-scenarios.js'
import { scenarios } from './scenarios/index.js'
import { BenchServers } from './stack/bench-servers.js'
import { postgresVersion } from './stack/own-database.js'

/** The whole command. @returns its exit code; everything that it started has ended then */
export async function bench(argv: readonly string[]): Promise<number> {
  const progress = new Progress()
  const signal = stopRequest(() => progress.line('Stopping …'))
  const names = scenarios.map(({ name }) => name)
  try {
    const wanted = parseBenchArguments(argv, names)
    if (wanted.help) progress.line(usage(names))
    else await run(wanted, progress, signal)
    return 0
  } catch (error) {
    if (signal.aborted) return 130
    progress.error(error instanceof Error ? error.message : String(error))
    return 1
  }
}

async function run(wanted: BenchArguments, progress: Progress, signal: AbortSignal): Promise<void> {
  if (!existsSync('/proc/self/smaps_rollup'))
    throw new Error('CPU and memory are read from /proc, which only Linux has')
  const local = join(projectRoot(), '.local')
  await mkdir(local, { recursive: true })
  const folder = await mkdtemp(join(local, 'bench-'))
  removeWithUs(folder)
  const profileFolder = join(local, 'bench-profiles')
  if (wanted.profile) {
    await rm(profileFolder, { recursive: true, force: true })
    await mkdir(profileFolder)
  }

  progress.now('starting Kafka and Postgres')
  const authoritiesFile = join(folder, 'authorities.pem')
  const authority = await makeTrustedAuthority(authoritiesFile, undefined)
  const receiver = new BenchReceiver(await issueCertificate(authority, ['localhost', '127.0.0.1']))
  const servers = await BenchServers.start(folder)
  const { seconds, quick, repeats } = wanted
  const extent = { seconds, quick, warmUpSeconds: quick ? 2 : 5 }
  try {
    const results = await runScenarios({
      scenarios: scenarios.filter(({ name }) => wanted.scenarios.length === 0 || wanted.scenarios.includes(name)),
      repeats,
      extent,
      receiver,
      progress,
      stack: { servers, folder, authoritiesFile, signal, ...(wanted.profile && { profileFolder }) },
      onResult: (result) => show(result, progress),
    })
    if (receiver.strangers > 0) progress.error(`${receiver.strangers} requests were no deliveries of this benchmark`)
    if (wanted.write) {
      const machine = await describeMachine(await postgresVersion(servers.postgres.databaseUrl))
      await publish(results, { machine, extent, repeats })
    }
    if (wanted.profile) await showProfiles(profileFolder, progress)
  } finally {
    progress.now('stopping Kafka and Postgres')
    await receiver.reset()
    await servers.stop()
    progress.line()
  }
}

async function publish(results: readonly ScenarioResult[], circumstances: Circumstances): Promise<void> {
  const file = join(projectRoot(), 'docs', 'benchmark.md')
  const earlier = await readFile(file, 'utf8').catch(() => '')
  const order = scenarios.map(({ title }) => title)
  const text = page(results, circumstances, earlier, order)
  // As everything in the repository is formatted: the next check should not complain.
  await writeFile(file, await format(text, { ...(await resolveConfig(file)), filepath: file }))
}

function show({ scenario, repeats }: ScenarioResult, progress: Progress): void {
  const summaries = summarizeRepeats(repeats)
  for (const table of scenario.tables) {
    progress.line(`\n  ${table.title}`)
    for (const line of alignedLines(tableCells(table, summaries))) progress.line(`  ${line}`)
  }
}
