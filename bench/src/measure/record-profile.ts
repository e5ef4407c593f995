import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'

// Loaded before a service (`--import`), because Node takes no `--cpu-prof` from its environment: records where the
// process spends its time and writes it when the process ends. The folder comes in this module's own URL.
/** Until then a service is mostly compiling its modules, which is not what a profile of a load should show. */
const afterMs = 10_000
const folder = new URL(import.meta.url).searchParams.get('folder')
if (folder) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  setTimeout(() => session.post('Profiler.start'), afterMs).unref()
  process.on('exit', () => {
    // Answered before `post` returns, as everything in an exit handler must be.
    session.post('Profiler.stop', (error, answer) => {
      if (error) return
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(answer.profile))
    })
  })
}
