import { afterAll, afterEach } from 'vitest'
import { type Logger, createLogger } from '#telemetry'

// Shown with a test that failed, or when the file ends: many tests make the service complain on purpose.
const lines: string[] = []

afterEach(({ task }) => {
  if (task.result?.state === 'fail') show()
  lines.length = 0
})
afterAll(show)

/** The errors of an API under test, which stay out of the runner's output while all is well. */
export function keptLog(): Logger {
  return createLogger({ service: 'api', level: 'error' }, { write: (line) => void lines.push(line) })
}

function show(): void {
  process.stdout.write(lines.join(''))
  lines.length = 0
}
