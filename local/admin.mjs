// `npm run admin -- …`: the administration command line, on the running local stack unless the environment says where.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, root } from './build.mjs'

await ensureBuilt()
const { noStackHint } = await import('../dist/local/src/no-stack-hint.js')
const stack = readLocal('stack.json')
const state = readLocal('state.json')
const main = join(root, 'dist/apps/api/src/main.js')
const child = spawn(process.execPath, [main, 'admin', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: {
    ...fromStack(),
    // An empty variable means "not set", as it does to the services.
    ...Object.fromEntries(Object.entries(process.env).filter(([, value]) => value)),
  },
})
// Ctrl-C reaches the child as well, and its end is ours.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.once('close', (code, signal) => {
  const hint = noStackHint({ exitCode: code, isRunning: stack !== undefined })
  if (hint) process.stderr.write(`${hint}\n`)
  process.exit(signal ? 1 : code)
})

function fromStack() {
  return {
    ...(stack && { DATABASE_URL: stack.database_url, KAFKA_BROKERS: stack.kafka_brokers }),
    ...(stack?.pids.kafka && { KAFKA_REPLICATION_FACTOR: '1' }),
    ...(state && { SECRETS_KEY: state.secrets_key }),
  }
}

function readLocal(name) {
  const file = join(root, '.local', name)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
