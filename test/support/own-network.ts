import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeWithUs } from '../../local/src/index.js'

/** Set inside. */
const INSIDE = 'RUNS_IN_ITS_OWN_NETWORK'

/** Whether this process was started by `runInOwnNetwork`. */
export const isInOwnNetwork = process.env[INSIDE] === 'yes'

// Every address becomes one of this machine, so that whatever is dialled is seen by a listener on all addresses, and
// nothing can leave. Name servers are asked at 127.0.0.1. The namespace of processes ends with its first one.
const ENTER = `
  set -eu
  ip link set lo up
  ip route add local default dev lo
  ip -6 route add local default dev lo
  mount --bind "$1" /etc/resolv.conf
  shift
  "$@"`

/**
 * Runs a test file once more inside a network namespace of its own (Linux, as root) and answers what it printed.
 *
 * @throws with its output unless all of it passed, and with what is missing where there can be no such namespace
 */
export async function runInOwnNetwork(testFile: string, limitMs: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-netns-'))
  removeWithUs(folder)
  const nameServers = join(folder, 'resolv.conf')
  writeFileSync(nameServers, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  const unshare = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--project', 'e2e', testFile]
  const { code, output } = await run(
    'unshare',
    [...unshare, 'sh', '-c', ENTER, 'sh', nameServers, ...vitest],
    { ...withoutVitest(process.env), [INSIDE]: 'yes' },
    limitMs,
  )
  if (code === 0) return output
  const missing = whatIsMissing(output)
  throw new Error(missing ? `${missing}\n${output}` : `it failed inside its own network (exit ${code}):\n${output}`)
}

/** @throws unless loopback is all the network there is: called before the first packet. */
export function assertOwnNetwork(): void {
  const interfaces = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .flatMap((line) => /^\s*([^\s:|]+):/.exec(line)?.[1] ?? [])
  if (interfaces.join() !== 'lo') throw new Error(`this is not a network of our own: it has ${interfaces.join(', ')}`)
}

function whatIsMissing(output: string): string | undefined {
  if (/unshare: (unshare|mount).*(Operation not permitted|Permission denied)/.test(output))
    return 'a network namespace could not be made: run the tests as root (in a container: with --privileged)'
  if (/spawn unshare ENOENT/.test(output)) return 'unshare is missing. Install it with:  apt-get install util-linux'
  if (/ip: (not found|command not found)/.test(output))
    return 'ip is missing. Install it with:  apt-get install iproute2'
  return undefined
}

// The inner run is one of its own, not a worker of the outer one.
function withoutVitest(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(VITEST|TINYPOOL)/.test(name)))
}

function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  limitMs: number,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
    const endWithUs = () => child.kill('SIGKILL')
    process.once('exit', endWithUs)
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', (error) => resolve({ code: null, output: output + String(error) }))
    child.on('close', (code) => {
      process.off('exit', endWithUs)
      resolve({ code, output })
    })
  })
}
