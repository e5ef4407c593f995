import { tuneGarbageCollection } from './garbage-collection.js'
import type { Logger } from './logger.js'

/**
 * Runs one service from its configuration to its end. A wrong configuration is told in full and ends with exit code
 * 78 (EX_CONFIG); a failed start or a failure that nobody handled ends the process loudly, so that its supervisor
 * starts a new one.
 */
export async function runService(start: () => Promise<RunningService>): Promise<void> {
  tuneGarbageCollection()
  // As the first process of a container it would else not hear the signal while it waits for a server that is away.
  const endNow = () => process.exit(0)
  process.on('SIGTERM', endNow)
  process.on('SIGINT', endNow)
  let service: RunningService
  try {
    service = await start()
  } catch (error) {
    const isConfiguration = error instanceof Error && error.name === 'ConfigurationProblems'
    process.stderr.write(isConfiguration ? `${error.message}\n` : `${describe(error)}\n`)
    process.exit(isConfiguration ? 78 : 1)
  }
  const { logger } = service
  const fail = (error: unknown) => {
    logger.error({ err: error }, 'a failure that nobody handled: the process ends')
    process.exit(1)
  }
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  const stop = once((signal: NodeJS.Signals) => {
    logger.info({ signal }, 'draining')
    service.stop().then(
      () => {
        logger.info({}, 'stopped')
        process.exit(0)
      },
      (error: unknown) => fail(error),
    )
  })
  process.off('SIGTERM', endNow).on('SIGTERM', stop)
  process.off('SIGINT', endNow).on('SIGINT', stop)
}

/** Ends the process by way of `uncaughtException`, from wherever it is called: no caller's catch can swallow it. */
export function endProcess(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}

export interface RunningService {
  logger: Logger
  /** Stops taking work, finishes what is under way, commits, leaves. Must end within the grace period. */
  stop(): Promise<void>
}

function once<A extends unknown[]>(action: (...args: A) => void): (...args: A) => void {
  let done = false
  return (...args) => {
    if (done) return
    done = true
    action(...args)
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
