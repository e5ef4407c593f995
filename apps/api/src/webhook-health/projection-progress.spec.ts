import { expect, it, vi } from 'vitest'
import { TopicAdmin } from '#kafka'
import { ProjectionProgress, isPast } from './projection-progress.js'

const bounds = (partition: number, first: number, end: number) => ({ partition, first, end })
const committed = (partition: number, offset: number | undefined) => ({ topic: 'delivery-log', partition, offset })

it('is past when every partition that holds something was committed up to its end', () => {
  const ends = [bounds(0, 0, 10), bounds(1, 3, 7)]
  expect(isPast(ends, [committed(0, 10), committed(1, 9)])).toBe(true)
  expect(isPast(ends, [committed(0, 9), committed(1, 9)])).toBe(false)
  expect(isPast(ends, [committed(0, 10)])).toBe(false)
})

it('does not wait for partitions that hold nothing', () => {
  expect(isPast([bounds(0, 0, 0), bounds(1, 5, 5)], [committed(0, undefined)])).toBe(true)
  expect(isPast([bounds(0, 0, 1)], [committed(0, undefined)])).toBe(false)
})

it('lets go at once whoever waits for a broker that is silent, when the process stops', async () => {
  const silence = vi.spyOn(TopicAdmin.prototype, 'endOffsets').mockReturnValue(new Promise(() => undefined))
  const connection = { client: () => ({ kafka: { admin: () => ({}) } }) }
  const progress = new ProjectionProgress(connection as never, { deliveryLog: 'log' } as never, {} as never)
  const waiting = progress.caughtUp(5_000)
  progress.stopWaiting()
  await expect(waiting).rejects.toThrow('the process stops')
  await expect(progress.caughtUp(5_000)).rejects.toThrow('the process stops')
  silence.mockRestore()
})
