import { spawn, type ChildProcess } from 'node:child_process'
import type { Writable } from 'node:stream'

// Reads one order per line; the end of its input is the end of its parent, however that came about.
const guardScript = `
trap '' HUP INT TERM
groups='' paths=''
while read -r order what; do
  case $order in
    kill) groups="$groups $what" ;;
    spare) kept=''; for g in $groups; do [ "$g" = "$what" ] || kept="$kept $g"; done; groups=$kept ;;
    remove) paths="$paths
$what" ;;
  esac
done
for g in $groups; do kill -s KILL -- "-$g"; done 2>/dev/null
sleep 0.2
printf '%s\\n' "$paths" | while read -r p; do [ -z "$p" ] || rm -rf -- "$p"; done
`

let guard: (ChildProcess & { stdin: Writable }) | undefined

/**
 * Ends the process group `pid` when this process ends, for whatever reason, kill -9 included: a small shell waits on a
 * pipe that the kernel closes with us, and then kills. Exit hooks could not promise that.
 */
export function killWithUs(pid: number): void {
  tellGuard('kill', String(pid))
}

/** The process group `pid` has ended: its number may soon be somebody else's. */
export function spare(pid: number): void {
  tellGuard('spare', String(pid))
}

/** Removes a file or folder when this process ends, after the processes that wrote in it. */
export function removeWithUs(path: string): void {
  tellGuard('remove', path)
}

function tellGuard(order: string, what: string): void {
  guard ??= startGuard()
  guard.stdin.write(`${order} ${what}\n`)
}

// In a session of its own, so that Ctrl-C in the terminal cannot reach it; unreferenced, so that it keeps nobody alive.
function startGuard(): ChildProcess & { stdin: Writable } {
  const shell = spawn('/bin/sh', ['-c', guardScript], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  const { stdin } = shell
  stdin.on('error', () => (guard = undefined))
  shell.on('exit', () => (guard = undefined))
  shell.unref()
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return Object.assign(shell, { stdin })
}
