import { afterAll, describe, expect, inject, it } from 'vitest'
import { eventually } from '../testing/eventually.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'
import { Victim } from '../testing/victim-process.testing.js'

const brokers = inject('kafkaBrokers')
const kafka = new TestKafka(brokers)
const producer = kafka.producer()
const victims: Victim[] = []

afterAll(async () => {
  await Promise.all(victims.map((victim) => victim.kill9()))
  await kafka.close()
})

interface Aftermath {
  sent: number
  /** Completed before the kill. */
  before: Set<string>
  /** Handed out before the kill and not completed. */
  inFlight: Set<string>
  /** Handed out by the successor. */
  after: string[]
}

/** A consumer under load is killed with -9 and followed by another, until all is done. */
async function killUnderLoad(trackBeyondMark: boolean, slowEvery: number): Promise<Aftermath> {
  const topic = await kafka.topic(2)
  const orders = { brokers, topic, groupId: `group-${topic}`, trackBeyondMark, slowEvery }
  const first = new Victim(orders)
  victims.push(first)
  let sent = 0
  const send = (count: number) =>
    producer.send(Array.from({ length: count }, () => ({ topic, key: `key ${sent % 20}`, value: String(sent++) })))
  await send(50)
  await eventually('the first works', () => first.completed.length > 20)
  for (let i = 0; i < 60; i++) {
    await send(20)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await first.kill9()
  const second = new Victim({ ...orders, slowEvery: 0 })
  victims.push(second)
  const all = () => new Set([...first.completed, ...second.completed])
  await eventually('every record is completed', () => all().size === sent, 30_000)
  const before = new Set(first.completed)
  const inFlight = new Set(first.handedOut.filter((name) => !before.has(name)))
  return { sent, before, inFlight, after: second.handedOut }
}

// Together, since each waits most of its time for the session of the killed member to end.
describe.concurrent('kill -9 between completion and commit', () => {
  it('repeats at most what was completed since the last commit', async () => {
    const { sent, before, inFlight, after } = await killUnderLoad(true, 0)
    expect(sent).toBe(1_250)
    for (const name of inFlight) expect(after).toContain(name)
    const repeated = after.filter((name) => before.has(name))
    // 20 records each 20 ms and more; a commit each 250 ms, one of which may be under way: at most 500 ms of work.
    expect(repeated.length).toBeLessThan(500)
    expect(new Set(after).size).toBe(after.length)
  })

  it('repeats hardly more when slow records hold the mark, thanks to the commit’s metadata', async () => {
    const { before, inFlight, after } = await killUnderLoad(true, 100)
    const repeated = after.filter((name) => before.has(name))
    expect(inFlight.size).toBeGreaterThan(10)
    expect(repeated.length).toBeLessThan(500)
  })

  it('without that metadata repeats everything beyond the first slow record', async () => {
    const { before, after } = await killUnderLoad(false, 100)
    const repeated = after.filter((name) => before.has(name))
    expect(repeated.length).toBe(before.size)
  })
})
