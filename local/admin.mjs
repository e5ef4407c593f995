// `npm run admin -- …`: the administration command line, on the running local stack unless the environment says where.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, root } from './build.mjs'

await ensureBuilt()
const { adminEnvironment } = await import('../dist/local/src/admin-environment.js')
const { noStackHint } = await import('../dist/local/src/no-stack-hint.js')
const isRunning = readLocal('stack.json') !== undefined
const main = join(root, 'dist/apps/api/src/main.js')
const child = spawn(process.execPath, [main, 'admin', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: adminEnvironment({ isRunning, state: readLocal('state.json'), environment: process.env }),
})
// Ctrl-C reaches the child as well, and its end is ours.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.once('close', (code, signal) => {
  const hint = noStackHint({ exitCode: code, isRunning })
  if (hint) process.stderr.write(`${hint}\n`)
  process.exit(signal ? 1 : code)
})

function readLocal(name) {
  const file = join(root, '.local', name)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
