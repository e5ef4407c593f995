import { setInterval as every } from 'node:timers'
import { npmAbove, stillRuns, type KnownProcess } from './npm-process.js'

const patienceMs = 1000
const npmCheckMs = 1000

/**
 * Aborted by Ctrl-C, SIGTERM, a closed terminal, or the end of the `npm` that started us (kill -9 included: nobody would
 * know any more how to stop us). Who asks a second time, a second or more later, is served at once.
 */
export function stopRequest(onFirst: () => void): AbortSignal {
  const controller = new AbortController()
  let firstAt = 0
  const ask = (): void => {
    // npm passes on the Ctrl-C that the terminal has sent us already: two signals, one wish.
    if (firstAt !== 0 && Date.now() - firstAt > patienceMs) process.exit(130)
    if (firstAt !== 0) return
    firstAt = Date.now()
    onFirst()
    controller.abort(new Error('stopped'))
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, ask)
  const npm = npmAbove()
  if (npm) askWhenGone(npm, ask)
  return controller.signal
}

function askWhenGone(npm: KnownProcess, ask: () => void): void {
  const timer = every(() => {
    if (stillRuns(npm)) return
    clearInterval(timer)
    ask()
  }, npmCheckMs)
  timer.unref()
}
