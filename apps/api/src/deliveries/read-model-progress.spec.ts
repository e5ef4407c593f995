import { afterEach, expect, it, vi } from 'vitest'
import { TopicAdmin } from '#kafka'
import { ReadModelProgress } from './read-model-progress.js'

const connection = { client: () => ({ kafka: { admin: () => ({}) } }) }
const topics = { contextEvents: 'events', deliveryLog: 'facts' }
const projector = { groupId: 'projectors' }

const aProgress = () => new ReadModelProgress(connection as never, topics as never, projector as never)
const committed = (topic: string, partition: number, offset: number | undefined) => ({ topic, partition, offset })
const forever = () => new Promise<never>(() => undefined)

afterEach(() => void vi.restoreAllMocks())

it('is past when every partition of both topics was committed up to its end', async () => {
  const ask = vi.spyOn(TopicAdmin.prototype, 'committed')
  const isPast = async (...answer: ReturnType<typeof committed>[]) => {
    ask.mockResolvedValue(answer)
    return aProgress().isPast({
      events: [{ partition: 0, end: 4 }],
      facts: [
        { partition: 0, end: 10 },
        { partition: 1, end: 7 },
      ],
    })
  }
  const events = committed('events', 0, 4)
  expect(await isPast(events, committed('facts', 0, 10), committed('facts', 1, 9))).toBe(true)
  expect(await isPast(events, committed('facts', 0, 9), committed('facts', 1, 9))).toBe(false)
  expect(await isPast(events, committed('facts', 0, 10))).toBe(false)
  expect(await isPast(events, committed('facts', 0, 10), committed('facts', 1, undefined))).toBe(false)
  expect(await isPast(committed('facts', 0, 10), committed('facts', 1, 9))).toBe(false)
})

it('does not wait for partitions that hold nothing', async () => {
  vi.spyOn(TopicAdmin.prototype, 'endOffsets').mockImplementation(async (topic) =>
    topic === 'events' ? [{ partition: 0, first: 5, end: 5 }] : [{ partition: 0, first: 0, end: 1 }],
  )
  expect(await aProgress().ends()).toEqual({ events: [], facts: [{ partition: 0, end: 1 }] })
})

it('asks once for all that wait, and again after an answer that failed', async () => {
  const ask = vi.spyOn(TopicAdmin.prototype, 'committed').mockRejectedValueOnce(new Error('away')).mockResolvedValue([])
  const progress = aProgress()
  const failed = await Promise.allSettled([progress.isPast({}), progress.isPast({})])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(ask).toHaveBeenCalledTimes(1)
  expect(await Promise.all([progress.isPast({}), progress.isPast({})])).toEqual([true, true])
  expect(ask).toHaveBeenCalledTimes(2)
})

it('lets go at once whoever waits for a broker that is silent, when the process stops', async () => {
  vi.spyOn(TopicAdmin.prototype, 'endOffsets').mockImplementation(forever)
  vi.spyOn(TopicAdmin.prototype, 'committed').mockImplementation(forever)
  const progress = aProgress()
  const stop = new AbortController()
  const stopped = new Error('the process stops')
  const waiting = [
    progress.caughtUp(5_000, stop.signal),
    progress.cameTo({}, 5_000, stop.signal),
    progress.isPast({}, stop.signal),
  ].map((each) => expect(each).rejects.toBe(stopped))
  stop.abort(stopped)
  await Promise.all(waiting)
  await expect(progress.caughtUp(5_000, stop.signal)).rejects.toBe(stopped)
})
