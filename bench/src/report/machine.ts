import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../../../local/src/index.js'
import { kafkaJarsFolder } from '../../../local/src/kafka-jars.js'

/** What figures were measured on and with; each a short text for the published page. */
export interface Machine {
  cores: string
  memory: string
  system: string
  node: string
  kafka: string
  postgres: string
  commit: string
}

export async function describeMachine(postgres: string): Promise<Machine> {
  return {
    cores: `${availableParallelism()} × ${cpus()[0]?.model.trim() || 'unknown model'}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: await systemName(),
    node: process.version,
    kafka: basename(kafkaJarsFolder()),
    postgres,
    commit: await commit(),
  }
}

async function systemName(): Promise<string> {
  const [release, kernel] = await Promise.all([
    readFile('/etc/os-release', 'utf8').catch(() => ''),
    readFile('/proc/sys/kernel/osrelease', 'utf8'),
  ])
  return `${/^PRETTY_NAME="?([^"\n]+)/m.exec(release)?.[1] ?? 'Linux'}, kernel ${kernel.trim()}`
}

/** The short hash, marked when the files were not exactly those; unpacked without git it is not known. */
async function commit(): Promise<string> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', args, { cwd: projectRoot() })).stdout.trim()
  try {
    const hash = await git('rev-parse', '--short=12', 'HEAD')
    return (await git('status', '--porcelain')) ? `${hash} with changes` : hash
  } catch {
    return 'unknown'
  }
}
