// `npm run bench`. Plain JavaScript: it builds the product and then the benchmark when their output is missing or old.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, root } from '../local/build.mjs'

const output = join(root, 'dist/bench/src/main.js')

await ensureBuilt()
buildBench()
const { bench } = await import('../dist/bench/src/main.js')
process.exit(await bench(process.argv.slice(2)))

function buildBench() {
  const sources = readdirSync(join(root, 'bench'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs))
  if (existsSync(output) && statSync(output).mtimeMs > newest) return
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const args = [compiler, '-p', join(root, 'bench/tsconfig.json')]
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] })
  if (status === 0) return
  // The compiler writes files in spite of errors; without this one the next run builds again.
  rmSync(output, { force: true })
  process.exit(1)
}
