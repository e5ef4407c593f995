import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/**
 * Which of these processes holds the other end of each connection to a server of this machine, by the port that it
 * comes from. Linux only: a socket's number stands in /proc/net/tcp, and among the files of its process. It reads
 * thousands of small files: for all connections at once, not for each.
 */
export function connectionOwners(serverPort: number, pids: Iterable<number>): Map<number, number> {
  const pidOf = new Map<string, number>()
  for (const pid of pids) for (const socket of socketsOf(pid)) pidOf.set(socket, pid)
  const owners = new Map<number, number>()
  for (const { port, socket } of connectionsTo(serverPort)) {
    const pid = pidOf.get(socket)
    if (pid !== undefined) owners.set(port, pid)
  }
  return owners
}

function connectionsTo(serverPort: number): { port: number; socket: string }[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    readFileSync(table, 'latin1')
      .split('\n')
      .slice(1, -1)
      .flatMap((line) => {
        // number, local address, remote address, state, queues, timer, retransmits, user, time-out, inode
        const fields = line.trim().split(/\s+/)
        // The same port may also lead elsewhere, from another process.
        if (portIn(fields[2]!) !== serverPort) return []
        return { port: portIn(fields[1]!), socket: fields[9]! }
      }),
  )
}

function portIn(address: string): number {
  return Number.parseInt(address.split(':').at(-1)!, 16)
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((file) => socketAt(`/proc/${pid}/fd/${file}`) ?? [])
  } catch {
    // The process has ended: it holds nothing.
    return []
  }
}

function socketAt(path: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1]
  } catch {
    // Closed while the folder was being read.
    return undefined
  }
}
