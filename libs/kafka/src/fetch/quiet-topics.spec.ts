import { describe, expect, it } from 'vitest'
import { QuietTopics } from './quiet-topics.js'

const topics = ['deliveries', 'tier']
const maxWaitMs = 250

describe('which topics a fetch asks for', () => {
  it('asks for all, as long as it may, while nothing comes', () => {
    const quiet = new QuietTopics([])
    quiet.noteFull(0)
    expect(quiet.next(topics, 10, maxWaitMs, false)).toEqual({ isFull: true, isPatient: false, maxWaitMs })
  })

  it('leaves the quiet ones out after a full fetch that brought records, until the next full one is due', () => {
    const quiet = new QuietTopics([])
    quiet.noteRecords('deliveries', 0)
    quiet.noteFull(0)
    expect(quiet.next(topics, 10, maxWaitMs, false)).toEqual({ isFull: false, isPatient: true, maxWaitMs: 40 })
    expect(quiet.next(topics, 50, maxWaitMs, false)).toEqual({ isFull: true, isPatient: true, maxWaitMs })
    expect(quiet.isBusy('deliveries', 10)).toBe(true)
    expect(quiet.isBusy('tier', 10)).toBe(false)
  })

  it('asks for all when something waits for it', () => {
    const quiet = new QuietTopics([])
    quiet.noteRecords('deliveries', 0)
    quiet.noteFull(0)
    expect(quiet.next(topics, 10, maxWaitMs, true).isFull).toBe(true)
  })

  it('asks for all when all are busy: there is nobody to leave out', () => {
    const quiet = new QuietTopics([])
    for (const topic of topics) quiet.noteRecords(topic, 0)
    quiet.noteFull(0)
    expect(quiet.next(topics, 10, maxWaitMs, false)).toEqual({ isFull: true, isPatient: true, maxWaitMs })
  })

  it('forgets that a topic was busy after five seconds without records', () => {
    const quiet = new QuietTopics([])
    quiet.noteRecords('deliveries', 0)
    expect(quiet.isBusy('deliveries', 4_999)).toBe(true)
    expect(quiet.isBusy('deliveries', 5_000)).toBe(false)
  })

  it('leaves a patient topic out while others are busy, however much comes of it', () => {
    const quiet = new QuietTopics(['tier'])
    for (const topic of topics) quiet.noteRecords(topic, 0)
    quiet.noteFull(0)
    expect(quiet.isBusy('tier', 10)).toBe(false)
    expect(quiet.next(topics, 10, maxWaitMs, false)).toEqual({ isFull: false, isPatient: true, maxWaitMs: 40 })
    expect(quiet.next(topics, 50, maxWaitMs, false)).toEqual({ isFull: true, isPatient: true, maxWaitMs })
  })

  it('asks for a patient topic at once while nothing else comes', () => {
    const quiet = new QuietTopics(['tier'])
    quiet.noteRecords('tier', 0)
    quiet.noteFull(0)
    expect(quiet.next(topics, 10, maxWaitMs, false)).toEqual({ isFull: true, isPatient: false, maxWaitMs })
  })

  it('counts what came of patient topics as in a hurry, but for while another is busy', () => {
    const quiet = new QuietTopics(['tier'])
    const brought = topics.map((topic) => ({ topic }))
    const hurried = (now: number, mustBeFull = false) => {
      const round = quiet.next(topics, now, maxWaitMs, mustBeFull)
      return quiet.hurried(brought, round).map(({ topic }) => topic)
    }
    quiet.noteRecords('tier', 0)
    expect(hurried(10)).toEqual(topics)
    quiet.noteRecords('deliveries', 0)
    expect(hurried(10)).toEqual(['deliveries'])
    // Else a fetch that has to be full each time, and is answered at once, would keep no pace.
    expect(hurried(10, true)).toEqual(topics)
    expect(hurried(5_000)).toEqual(topics)
  })

  it('lets patient topics count where the busy one is another broker’s by now', () => {
    const quiet = new QuietTopics(['tier'])
    quiet.noteRecords('deliveries', 0)
    const round = quiet.next(['tier'], 10, maxWaitMs, false)
    expect(quiet.hurried([{ topic: 'tier' }], round)).toHaveLength(1)
  })
})
