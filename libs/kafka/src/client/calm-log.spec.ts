import { describe, expect, it } from 'vitest'
import { calmLog, ENDED_BY_US } from './calm-log.js'

const ERROR = 1
const INFO = 4

function setUp() {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message })
  }
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const clock = { now: 0 }
  const say = calmLog(log, () => clock.now)(ERROR)
  return {
    lines,
    clock,
    say: (message: string, level = ERROR, extra: object = {}) =>
      say({
        namespace: 'Connection',
        level,
        label: 'ERROR',
        log: { message, timestamp: '', logger: 'kafkajs', ...extra },
      }),
  }
}

describe('calmLog', () => {
  it('tells one kind of message once in half a minute, and then how often it came', () => {
    const { lines, clock, say } = setUp()
    for (let port = 1; port <= 500; port++) say(`Connection error: connect ECONNREFUSED 127.0.0.1:${port}`)
    expect(lines).toHaveLength(1)
    clock.now = 30_001
    say('Connection error: connect ECONNREFUSED 127.0.0.1:9092')
    expect(lines[1]).toMatchObject({ level: 'warn', fields: { repeated: 499 } })
  })

  it('tells another kind at once', () => {
    const { lines, say } = setUp()
    say('first')
    say('second')
    expect(lines).toHaveLength(2)
  })

  it('leaves out stacks and whole structures', () => {
    const { lines, say } = setUp()
    say('failed', ERROR, { stack: 'at …', retryCount: 3, assignment: { t: [1] } })
    expect(lines[0]!.fields).toEqual({ retryCount: 3, part: 'Connection' })
  })

  it('does not report to operators what kafkajs finds remarkable in daily work, nor our own closing', () => {
    const { lines, say } = setUp()
    say('Pausing fetching from 1 topics', INFO)
    say(`Connection error: ${ENDED_BY_US}`)
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug'])
  })
})
