import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readJson, writePrivateJson } from './private-file.js'
import { npmAbove, stillRuns, type KnownProcess } from './npm-process.js'
import { processIdentity } from './process-identity.js'
import { signalGroup } from './server-process.js'
import { waitUntil } from './wait-until.js'

export interface RunningProcess extends KnownProcess {
  name: string
}

interface RunFile extends KnownProcess {
  /** The npm that started it; when that was killed, nobody watches it any more. */
  npm?: KnownProcess
  /** In the order in which they are to be stopped. */
  children: RunningProcess[]
}

// Longer than a whole stack takes to stop in order: services 15 s at most, then broker and database.
const leftoverPatienceMs = 30_000

export class AlreadyRunning extends Error {
  constructor(readonly pid: number) {
    super(`The local stack runs already: npm start, process ${pid}. Stop it there with Ctrl-C, or with: kill ${pid}`)
  }
}

/** The sign that this process runs the local stack; only one can hold it. */
export class RunClaim {
  private constructor(private readonly file: string) {}

  /**
   * Takes the run file. What a killed `npm start` left behind is stopped first, processes and the files that say it runs.
   *
   * @throws AlreadyRunning
   */
  static async take(file: string, signs: string[], onLeftover: (child: RunningProcess) => void): Promise<RunClaim> {
    for (;;) {
      if (await createRunFile(file)) return new RunClaim(file)
      const earlier = readJson(file) as RunFile | undefined
      if (!earlier) continue
      if (stillRuns(earlier)) {
        if (!earlier.npm || stillRuns(earlier.npm)) throw new AlreadyRunning(earlier.pid)
        await stopLeftover({ name: 'the local stack', ...earlier }, onLeftover)
      }
      for (const sign of signs) await rm(sign, { force: true })
      for (const child of earlier.children) await stopLeftover(child, onLeftover)
      // Of two who find it stale, one moves it; then both try to make their own, and one can.
      await rename(file, `${file}.stale`).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
      await rm(`${file}.stale`, { force: true })
    }
  }

  /** Newest first: the order in which a later start would have to stop them. */
  async remember(children: readonly { name: string; pid: number }[]): Promise<void> {
    const known = children.flatMap((child) => {
      const identity = processIdentity(child.pid)
      return identity === undefined ? [] : [{ name: child.name, pid: child.pid, identity }]
    })
    await writePrivateJson(this.file, { ...ourselves(), children: known })
  }

  async release(): Promise<void> {
    await rm(this.file, { force: true })
  }
}

function ourselves(): Omit<RunFile, 'children'> {
  const npm = npmAbove()
  return { pid: process.pid, identity: processIdentity(process.pid) ?? '', ...(npm && { npm }) }
}

// A link either makes the complete file or fails: unlike an exclusive open, nobody finds it empty.
async function createRunFile(file: string): Promise<boolean> {
  const own = `${file}.${process.pid}`
  await mkdir(dirname(file), { recursive: true })
  await writeFile(own, JSON.stringify({ ...ourselves(), children: [] }), { mode: 0o600 })
  try {
    await link(own, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(own, { force: true })
  }
}

async function stopLeftover(child: RunningProcess, onLeftover: (child: RunningProcess) => void): Promise<void> {
  const runs = (): boolean => stillRuns(child)
  if (!runs()) return
  onLeftover(child)
  signalGroup(child.pid, 'SIGTERM')
  const insistAt = Date.now() + leftoverPatienceMs
  const ended = (): boolean => {
    if (runs() && Date.now() > insistAt) signalGroup(child.pid, 'SIGKILL')
    return !runs()
  }
  await waitUntil(`the end of ${child.name}, process ${child.pid},`, ended, { timeoutMs: 2 * leftoverPatienceMs })
}
