import { readFileSync } from 'node:fs'

/** How many files and sockets this process may have open, or null where the system does not say (not Linux). */
export function fileDescriptorLimit(): number | null {
  let limits: string
  try {
    limits = readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return null
  }
  return parseOpenFilesLimit(limits)
}

/** The soft limit in the text of /proc/self/limits; null when unlimited or not found. */
export function parseOpenFilesLimit(limits: string): number | null {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
  return soft === undefined ? null : Number(soft)
}
