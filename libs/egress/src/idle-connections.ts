import type { Connection } from './connection.js'

// While nothing is under way nobody waits behind what a receiver sends unasked, and services are to be idle.
const LOOK_EVERY_MS = 1_000

/** Connections between two requests, over all origins together bounded in number: each is a file descriptor. */
export class IdleConnections {
  private readonly byOrigin = new Map<string, Connection[]>()
  // A Set keeps the order of insertion: the first is the one idle for longest.
  private readonly all = new Set<Connection>()
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly most: number) {}

  get size(): number {
    return this.all.size
  }

  /** The most recently used open connection to this origin; so those that are not needed grow old and close. */
  take(origin: string): Connection | undefined {
    const stack = this.byOrigin.get(origin)
    while (stack) {
      const connection = stack.at(-1)
      if (!connection) return undefined
      this.remove(connection)
      if (connection.isOpen) return connection
    }
    return undefined
  }

  put(connection: Connection): void {
    connection.rest()
    this.all.add(connection)
    const stack = this.byOrigin.get(connection.origin)
    if (stack) stack.push(connection)
    else this.byOrigin.set(connection.origin, [connection])
    this.shrinkTo(this.most)
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref()
  }

  /** Closes those whose receivers send what nobody asked for. */
  checkInbound(): void {
    for (const connection of this.all) connection.checkInbound()
  }

  /** Closes those idle for longest until no more than `count` are left. */
  shrinkTo(count: number): void {
    for (const connection of this.all) {
      if (this.all.size <= count) return
      this.remove(connection)
      connection.close()
    }
  }

  /** Forgets a connection, because it was taken or has closed. */
  remove(connection: Connection): void {
    if (!this.all.delete(connection)) return
    const stack = this.byOrigin.get(connection.origin) ?? []
    stack.splice(stack.lastIndexOf(connection), 1)
    if (stack.length === 0) this.byOrigin.delete(connection.origin)
  }

  private look(): void {
    this.checkInbound()
    if (this.all.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }
}
