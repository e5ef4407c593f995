// `npm start`. Plain JavaScript: it runs before anything is built, and says what this machine lacks.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, root } from './build.mjs'
import { findPrerequisites, missingMessage, missingPrerequisites } from './src/prerequisites.mjs'

const kafkaVersion = /<kafka\.version>([^<]+)</.exec(readFileSync(join(root, 'local/pom.xml'), 'utf8'))?.[1] ?? ''
const kafka = !process.env.KAFKA_BROKERS
const needs = { kafka, kafkaJars: kafka && !existsSync(join(root, '.cache/kafka', kafkaVersion)) }
const missing = missingPrerequisites(findPrerequisites(needs), needs)
if (missing.length > 0) {
  process.stderr.write(`${missingMessage(missing)}\n`)
  process.exit(1)
}

await ensureBuilt()
const { start } = await import('../dist/local/src/start.js')
process.exit(await start(process.argv.slice(2)))
