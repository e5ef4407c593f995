// Builds what runs from `dist`, when it is missing or older than the sources.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const outputs = [
  'dist/apps/api/src/main.js',
  'dist/apps/fanout/src/main.js',
  'dist/apps/dispatcher/src/main.js',
  'dist/local/src/start.js',
]
const sources = ['apps', 'libs', 'local', 'package.json', 'tsconfig.json', 'tsconfig.build.json']

/** Exits with the compiler's words when the sources cannot be built. */
export async function ensureBuilt() {
  if (isFresh()) return
  const begun = Date.now()
  // On standard error: standard output belongs to the command that needs the build.
  process.stderr.write('Building …')
  const { code, output } = await run('npm', ['run', '--silent', 'build'])
  if (code !== 0) {
    // The compiler writes files in spite of errors; without this one the next start builds again.
    rmSync(join(root, 'dist/local/src/start.js'), { force: true })
    process.stderr.write(` failed\n${output}\n`)
    process.exit(1)
  }
  process.stderr.write(` done in ${((Date.now() - begun) / 1000).toFixed(0)} s\n`)
}

function isFresh() {
  const built = outputs.map((file) => modified(join(root, file)))
  return Math.min(...built) > Math.max(...sources.map((path) => newest(join(root, path))))
}

function newest(path) {
  if (!existsSync(path)) return 0
  if (!statSync(path).isDirectory()) return /spec\.ts$/.test(path) ? 0 : modified(path)
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function modified(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    let output = ''
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}
