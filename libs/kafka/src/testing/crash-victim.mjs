// Runs the victim from its TypeScript source in a process of its own; ends with its parent.
import { runnerImport } from 'vite'

process.on('disconnect', () => process.exit(0))
const source = new URL('./crash-victim.testing.ts', import.meta.url).pathname
const { module } = await runnerImport(source)
await module.consumeUntilKilled(JSON.parse(process.argv[2]))
