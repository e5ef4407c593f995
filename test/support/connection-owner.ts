import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/**
 * Which of these processes holds the other end of a connection from this port of this machine. Ask while it is open.
 * Linux only: a socket's number stands in /proc/net/tcp, and among the files of its process.
 */
export function connectionOwner(port: number, pids: Iterable<number>): number | undefined {
  const socket = socketOf(port)
  if (socket === undefined) return undefined
  for (const pid of pids) if (filesOf(pid).includes(`socket:[${socket}]`)) return pid
  return undefined
}

function socketOf(port: number): string | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'latin1').split('\n')) {
      // number, local address, remote address, state, queues, timer, retransmits, user, timeout, inode
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(local)) return fields[9]
    }
  }
  return undefined
}

function filesOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((file) => linkOf(`/proc/${pid}/fd/${file}`) ?? [])
  } catch {
    // The process has ended: it holds nothing.
    return []
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // Closed while the folder was being read.
    return undefined
  }
}
