import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { removeWithUs } from '../../local/src/index.js'

const VERSION = '4.32.5'
const folder = resolve('.local', `schemathesis-${VERSION}`)
const run = promisify(execFile)

/**
 * Installs it once, into a folder of its own that git does not see.
 * @throws with the line that installs Python where it is missing
 */
export async function installSchemathesis(): Promise<string> {
  const program = join(folder, 'bin', 'schemathesis')
  if (existsSync(program)) return program
  await run('python3', ['-m', 'venv', '--clear', folder]).catch((error: Error) => {
    throw new Error(
      `Python 3.10 or newer with venv is missing. Install it with:  apt-get install -y python3-venv\n${error.message}`,
    )
  })
  await run(join(folder, 'bin', 'pip'), ['install', '--quiet', `schemathesis==${VERSION}`])
  return program
}

/** Ids for the path parameters of operations, by the operation's id: without them it could only invent unknown ones. */
export type KnownIds = Record<string, string>

const HOOKS = resolve('test/openapi/hooks.py')

/** Its report, and whether it found nothing. */
export async function runSchemathesis(
  program: string,
  ids: KnownIds,
  args: string[],
): Promise<{ ok: boolean; report: string }> {
  const configFile = join(await mkdtemp(join(tmpdir(), 'schemathesis-')), 'schemathesis.toml')
  removeWithUs(dirname(configFile))
  await writeFile(configFile, configuration(ids))
  const environment = { ...process.env, NO_COLOR: '1', COLUMNS: '120', PYTHONUTF8: '1' }
  const { stdout, stderr, code } = await run(program, ['--config-file', configFile, 'run', ...args], {
    env: environment,
    cwd: dirname(configFile),
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    (output) => ({ ...output, code: 0 }),
    (error: Error & { stdout?: string; stderr?: string; code?: number }) => {
      // 1 is what it found; anything else is that it could not look.
      if (error.code !== 1) throw new Error(`${error.message}\n${error.stderr}\n${error.stdout}`, { cause: error })
      return { stdout: error.stdout ?? '', stderr: error.stderr ?? '', code: 1 }
    },
  )
  return { ok: code === 0, report: stdout + stderr }
}

function configuration(ids: KnownIds): string {
  const operations = [...new Set([...Object.keys(ids), ...LISTS])].map((operation) =>
    [
      '[[operations]]',
      `include-operation-id = "${operation}"`,
      ...(ids[operation] ? [`parameters = { "path.id" = "${ids[operation]}" }`] : []),
      ...(LISTS.includes(operation) ? [`checks.positive_data_acceptance.expected-statuses = ${MAYBE_A_CURSOR}`] : []),
    ].join('\n'),
  )
  return [`hooks = ${JSON.stringify(HOOKS)}`, ...operations].join('\n\n')
}

const LISTS = ['listWebhooks', 'listEvents', 'listDeliveries', 'listReplays']
// A cursor has a form that the document gives, and yet only those that a list gave are taken: 400.
const MAYBE_A_CURSOR = '["2xx", "400", "404"]'
