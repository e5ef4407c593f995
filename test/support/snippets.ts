import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The code block of a Markdown file whose fence begins with these words, such as `python` or `js guide`. */
export function codeBlock(file: string, fence: string): string {
  const [, code] = new RegExp(`^\`\`\`${fence}\\n(.+?)^\`\`\`$`, 'ms').exec(readFileSync(file, 'utf8')) ?? []
  if (code === undefined) throw new Error(`${file} has no block of ${fence}`)
  return code
}

export function isInstalled(program: string, ...versionArguments: string[]): boolean {
  return spawnSync(program, versionArguments, { stdio: 'ignore' }).status === 0
}
