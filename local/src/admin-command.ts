import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { projectRoot } from './project-root.js'

export interface AdminOptions {
  environment: NodeJS.ProcessEnv
  /** What the command says besides its answer is appended here. */
  logFile: string
  signal: AbortSignal
}

/**
 * Runs the product's administration command line, as an operator would.
 *
 * @returns its standard output
 * @throws Error with the command and its last words when it fails
 */
export async function runAdmin(args: readonly string[], options: AdminOptions): Promise<string> {
  const main = join(projectRoot(), 'dist', 'apps', 'api', 'src', 'main.js')
  const child = spawn(process.execPath, [main, 'admin', ...args], {
    cwd: projectRoot(),
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  // The answer of `keys create` is a key: it does not belong into a log.
  await appendFile(options.logFile, `$ admin ${args.join(' ')}\n${errors}`)
  if (code !== 0) throw new Error(`admin ${args.join(' ')} failed:\n${(errors + output).trim().slice(-4000)}`)
  return output
}

/** The same with `--json`: the last line of the output, parsed. */
export async function askAdmin(args: readonly string[], options: AdminOptions): Promise<Record<string, unknown>> {
  const output = await runAdmin([...args, '--json'], options)
  const text = output.trim()
  try {
    return JSON.parse(text.slice(text.lastIndexOf('\n{') + 1)) as Record<string, unknown>
  } catch (error) {
    throw new Error(`admin ${args.join(' ')} answered no JSON object`, { cause: error })
  }
}
