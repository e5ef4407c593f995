// `node test/ledger/run.mjs --seed 7 --minutes 10`: the crash ledger at length. Exit code 1 on a violation.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureBuilt, root } from '../../local/build.mjs'

await ensureBuilt()
const compiler = join(root, 'node_modules/typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'test/ledger/tsconfig.json')], {
  stdio: 'inherit',
})
if (status !== 0) process.exit(1)
const { run } = await import('../../dist/test/ledger/run.js')
process.exit(await run(process.argv.slice(2)))
