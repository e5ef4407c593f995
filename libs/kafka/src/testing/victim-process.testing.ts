import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { VictimOrders } from './crash-victim.testing.js'

/** A consumer in a process of its own, to be killed with -9. Ends with this process in any case. */
export class Victim {
  /** Records by `partition:offset`, in the order in which they were handed out or completed. */
  readonly handedOut: string[] = []
  readonly completed: string[] = []
  private readonly child: ChildProcess

  constructor(orders: VictimOrders) {
    const script = new URL('./crash-victim.mjs', import.meta.url)
    this.child = fork(script, [JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      if (line.startsWith('+')) this.handedOut.push(line.slice(1))
      if (line.startsWith('-')) this.completed.push(line.slice(1))
    })
  }

  /** Resolves when it is dead and all that it had said is read. */
  async kill9(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const closed = once(this.child, 'close')
    this.child.kill('SIGKILL')
    await closed
  }
}
