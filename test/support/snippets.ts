import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The code block of a Markdown file whose fence begins with these words, such as `python` or `js guide`. */
export function codeBlock(file: string, fence: string): string {
  const [, code] = new RegExp(`^\`\`\`${fence}\\n(.+?)^\`\`\`$`, 'ms').exec(readFileSync(file, 'utf8')) ?? []
  if (code === undefined) throw new Error(`${file} has no block of ${fence}`)
  return code
}

/** What runs the examples, with the question that each answers when it works, and its package on Debian. */
const PROGRAMS = {
  python3: { question: '--version', debian: 'python3' },
  javac: { question: '-version', debian: 'openjdk-17-jdk-headless' },
  go: { question: 'version', debian: 'golang-go' },
  openssl: { question: 'version', debian: 'openssl' },
}

/** @throws when the program is not there, with the line that installs it: no example goes untried unnoticed */
export function assertInstalled(program: keyof typeof PROGRAMS): void {
  const { question, debian } = PROGRAMS[program]
  if (spawnSync(program, [question], { stdio: 'ignore' }).status === 0) return
  throw new Error(`${program} tries an example for receivers and is missing:  apt-get install -y ${debian}`)
}
