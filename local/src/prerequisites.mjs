// Plain JavaScript on purpose: start.mjs asks before anything is built, on whatever Node it finds.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const oldestNode = [20, 19]
export const oldestJava = 17

/**
 * What is missing, one sentence each with the line that installs it; empty when all is there.
 *
 * @param {{ node: string, java?: number | undefined, mvn: boolean }} found
 * @param {{ kafka: boolean, kafkaJars: boolean }} needs
 * @returns {string[]}
 */
export function missingPrerequisites(found, needs) {
  const missing = []
  const [major = 0, minor = 0] = found.node.replace(/^v/, '').split('.').map(Number)
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    missing.push(`Node ${oldestNode.join('.')} or newer (this is ${found.node}). Install it with:  nvm install 24`)
  }
  if (needs.kafka && !(found.java >= oldestJava)) {
    const seen = found.java ? `found ${found.java}` : 'none found'
    missing.push(`Java ${oldestJava} or newer (${seen}). ${installLine('openjdk-17-jre-headless', 'openjdk@17')}`)
  }
  if (needs.kafkaJars && !found.mvn) {
    missing.push(`Maven, to fetch Kafka once. ${installLine('maven', 'maven')}`)
  }
  return missing
}

/**
 * One message for people, naming everything that is missing.
 *
 * @param {string[]} missing
 */
export function missingMessage(missing) {
  return ['The local stack needs:', ...missing.map((line) => `  - ${line}`)].join('\n')
}

/** Looks at this machine. Java is asked for its version: about 50 ms, so only when it is needed. */
export function findPrerequisites(needs) {
  return {
    node: process.version,
    java: needs.kafka ? javaVersion() : undefined,
    mvn: needs.kafkaJars && spawnSync('mvn', ['--version'], { stdio: 'ignore' }).status === 0,
  }
}

/** JAVA_HOME wins over the PATH, as it does for Maven. */
export function javaCommand() {
  return process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java'
}

function javaVersion() {
  const { stderr } = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' })
  // `version "17.0.15"`, and `version "1.8.0_402"` before 9.
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(stderr ?? '') ?? []
  if (!first) return undefined
  return first === '1' ? Number(second) : Number(first)
}

function installLine(debian, homebrew) {
  return process.platform === 'darwin'
    ? `Install it with:  brew install ${homebrew}`
    : `Install it with:  apt-get install -y ${debian}`
}
