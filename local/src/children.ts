import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessEnd } from './server-process.js'

/** What is kept running: KafkaServer, PostgresServer and ServiceProcess are. */
export interface Child {
  readonly pid: number
  readonly ended: Promise<ProcessEnd>
  startAgain(): Promise<void>
  stop(): Promise<void>
}

export interface ChildrenReport {
  died(name: string, end: ProcessEnd): void
  back(name: string, pid: number): void
  failed(name: string, error: unknown, pauseMs: number): void
}

// Quick the first time, for a crash tried by hand; patient with what cannot start, a port that somebody took for example.
const defaultPauses = { firstMs: 500, longestMs: 10_000 }

/** The processes of one stack: started again when they die, stopped in the opposite order of their addition. */
export class Children {
  private readonly children = new Map<string, Child>()
  private readonly watches: Promise<void>[] = []
  private stopping = false

  constructor(
    private readonly report: ChildrenReport,
    /** Called when a pid is new; awaited before the next step. */
    private readonly onChange: () => Promise<void>,
    private readonly pauses = defaultPauses,
  ) {}

  async add(name: string, child: Child): Promise<void> {
    this.children.set(name, child)
    await this.onChange()
  }

  /** Newest first: the order in which to stop them. */
  list(): { name: string; pid: number }[] {
    return [...this.children].map(([name, { pid }]) => ({ name, pid })).reverse()
  }

  pid(name: string): number | undefined {
    return this.children.get(name)?.pid
  }

  /** From now on whoever dies is reported and started again. */
  keepRunning(): void {
    for (const [name, child] of this.children) this.watches.push(this.keep(name, child))
  }

  /** Each step's children at once, and the next step when they have ended. Nothing is started again any more. */
  async stop(steps: readonly (readonly string[])[]): Promise<void> {
    this.stopping = true
    for (const names of steps) await Promise.all(names.map((name) => this.children.get(name)?.stop()))
    await Promise.all(this.watches)
  }

  private async keep(name: string, child: Child): Promise<void> {
    for (;;) {
      const end = await child.ended
      if (this.stopping) return
      this.report.died(name, end)
      await this.bringBack(name, child)
      if (this.stopping) return child.stop()
      this.report.back(name, child.pid)
      await this.onChange()
    }
  }

  private async bringBack(name: string, child: Child): Promise<void> {
    const { firstMs, longestMs } = this.pauses
    for (let pauseMs = firstMs; !this.stopping; pauseMs = Math.min(pauseMs * 2, longestMs)) {
      try {
        return await child.startAgain()
      } catch (error) {
        if (this.stopping) return
        this.report.failed(name, error, pauseMs)
        await sleep(pauseMs)
      }
    }
  }
}
