import { describe, expect, it } from 'vitest'
import { Children, type Child } from './children.js'
import type { ProcessEnd } from './server-process.js'
import { waitUntil } from './wait-until.js'

/** A process without a process: it dies when told to. */
class FakeChild implements Child {
  pid = 100
  ended!: Promise<ProcessEnd>
  private end!: (end: ProcessEnd) => void

  constructor(
    private readonly name: string,
    private readonly log: string[],
    private failures = 0,
  ) {
    this.run()
  }

  die(): void {
    this.end({ code: null, signal: 'SIGKILL' })
  }

  async startAgain(): Promise<void> {
    if (this.failures-- > 0) throw new Error('not yet')
    this.pid++
    this.run()
  }

  async stop(): Promise<void> {
    this.log.push(`stop ${this.name}`)
    await Promise.resolve()
    this.log.push(`stopped ${this.name}`)
    this.end({ code: 0, signal: null })
  }

  private run(): void {
    this.ended = new Promise((resolve) => (this.end = resolve))
  }
}

function family(log: string[]): Children {
  return new Children(
    {
      died: (name, end) => log.push(`${name} died of ${end.signal}`),
      back: (name, pid) => log.push(`${name} is ${pid}`),
      failed: (name, error) => log.push(`${name} failed: ${error instanceof Error ? error.message : ''}`),
    },
    async () => void log.push('change'),
    { firstMs: 1, longestMs: 2 },
  )
}

describe('the children of a stack', () => {
  it('are reported and started again when they die, and the change is told', async () => {
    const log: string[] = []
    const children = family(log)
    const api = new FakeChild('api', log)
    await children.add('api', api)
    children.keepRunning()
    api.die()
    await waitUntil('the return', () => log.length === 4, { timeoutMs: 1000, everyMs: 1 })
    expect(log).toEqual(['change', 'api died of SIGKILL', 'api is 101', 'change'])
    await children.stop([['api']])
  })

  it('are tried again when the start fails', async () => {
    const log: string[] = []
    const children = family(log)
    const kafka = new FakeChild('kafka', log, 1)
    await children.add('kafka', kafka)
    children.keepRunning()
    kafka.die()
    await waitUntil('the return', () => log.includes('kafka is 101'), { timeoutMs: 2000, everyMs: 5 })
    expect(log).toContain('kafka failed: not yet')
    await children.stop([['kafka']])
  })

  it('are stopped step by step, and none is started again', async () => {
    const log: string[] = []
    const children = family(log)
    for (const name of ['kafka', 'api', 'fanout']) await children.add(name, new FakeChild(name, log))
    children.keepRunning()
    log.length = 0
    await children.stop([
      ['api', 'fanout'],
      ['kafka', 'postgres'],
    ])
    expect(log).toEqual(['stop api', 'stop fanout', 'stopped api', 'stopped fanout', 'stop kafka', 'stopped kafka'])
  })

  it('are listed newest first, as a later start would have to stop them', async () => {
    const children = family([])
    for (const name of ['kafka', 'api']) await children.add(name, new FakeChild(name, []))
    expect(children.list().map(({ name }) => name)).toEqual(['api', 'kafka'])
  })
})
