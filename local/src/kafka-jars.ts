import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findPrerequisites, missingMessage, missingPrerequisites } from './prerequisites.mjs'
import { projectRoot } from './project-root.js'

/**
 * The folder with Kafka's jars, fetched with Maven (about 43 MB) when it is not there yet. Safe to call from several
 * processes at once. Afterwards no network is needed, ever, for this version.
 *
 * @throws Error naming what is missing (Java, Maven), or with Maven's own words
 */
export async function kafkaJars(): Promise<string> {
  const folder = kafkaJarsFolder()
  const needs = { kafka: true, kafkaJars: !existsSync(folder) }
  const missing = missingPrerequisites(findPrerequisites(needs), needs)
  if (missing.length > 0) throw new Error(missingMessage(missing))
  if (needs.kafkaJars) await fetchJars(folder)
  return folder
}

/** Where the jars of the version in `local/pom.xml` lie or will lie. */
export function kafkaJarsFolder(): string {
  const pom = readFileSync(join(projectRoot(), 'local', 'pom.xml'), 'utf8')
  const version = /<kafka\.version>([^<]+)</.exec(pom)?.[1]
  if (!version) throw new Error('local/pom.xml names no kafka.version')
  return join(projectRoot(), '.cache', 'kafka', version)
}

// Into a folder of our own, then one rename: nobody ever sees half a Kafka, and of two fetchers the later one yields.
async function fetchJars(folder: string): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true })
  const temporary = await mkdtemp(`${folder}.fetching-`)
  try {
    await runMaven(temporary)
    // A temporary folder is its maker's alone; jars fetched by root serve whoever runs the stack later.
    await chmod(temporary, 0o755)
    await rename(temporary, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function runMaven(outputFolder: string): Promise<void> {
  const pom = join(projectRoot(), 'local', 'pom.xml')
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${outputFolder}`]
  const maven = spawn('mvn', ['-q', '-B', '-f', pom, ...goal], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  maven.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  maven.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(maven, 'close')) as [number | null]
  if (code !== 0) throw new Error(`Maven could not fetch Kafka's jars:\n${said.trim()}`)
}
