import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeCompletedBeyond, encodeCompletedBeyond, MAX_METADATA_BYTES } from './commit-metadata.js'
import { OffsetTracker } from './offset-tracker.js'

function delivered(tracker: OffsetTracker, offsets: number[]): number[] {
  return offsets.filter((offset) => tracker.deliver(offset))
}

describe('OffsetTracker', () => {
  it('moves the mark only over what is complete without a gap', () => {
    const tracker = new OffsetTracker(10)
    delivered(tracker, [10, 11, 12])
    tracker.complete(11)
    tracker.complete(12)
    expect(tracker.mark).toBe(10)
    expect(tracker.completedBeyond()).toEqual([{ from: 11, to: 13 }])
    expect(tracker.completedBeyond(0)).toEqual([{ from: 11, to: 12 }])
    tracker.complete(10)
    expect(tracker.mark).toBe(13)
    expect(tracker.completedBeyond()).toEqual([])
  })

  it('is not held up by offsets that do not exist', () => {
    const tracker = new OffsetTracker(0)
    delivered(tracker, [3, 7])
    tracker.skipTo(9)
    tracker.complete(3)
    expect(tracker.mark).toBe(7)
    tracker.complete(7)
    expect(tracker.mark).toBe(9)
  })

  it('skips what an earlier owner completed beyond its mark', () => {
    const tracker = new OffsetTracker(5, [{ from: 6, to: 8 }])
    expect(delivered(tracker, [5, 6, 7, 8])).toEqual([5, 8])
    tracker.complete(5)
    expect(tracker.mark).toBe(8)
  })

  it('names what an earlier owner completed also before it comes again', () => {
    const tracker = new OffsetTracker(5, [{ from: 6, to: 8 }])
    delivered(tracker, [5])
    expect(tracker.completedBeyond()).toEqual([{ from: 6, to: 8 }])
  })

  it('tells that there is more to commit when the mark moves over it, and not otherwise', () => {
    const tracker = new OffsetTracker(5, [{ from: 5, to: 6 }])
    const before = tracker.version
    delivered(tracker, [5])
    expect(tracker.version).toBeGreaterThan(before)
    const after = tracker.version
    delivered(tracker, [6])
    expect([tracker.mark, tracker.version]).toEqual([6, after])
  })

  it('forgets of it only what does not exist any more', () => {
    const tracker = new OffsetTracker(5, [
      { from: 6, to: 8 },
      { from: 9, to: 11 },
    ])
    tracker.skipTo(10)
    expect(tracker.mark).toBe(10)
    expect(tracker.completedBeyond()).toEqual([{ from: 10, to: 11 }])
    expect(delivered(tracker, [10, 11])).toEqual([11])
  })

  it('names nothing in a commit that retention took before it came again', () => {
    const tracker = new OffsetTracker(1_000, [{ from: 1_010, to: 1_500 }])
    delivered(tracker, [5_000, 5_001, 5_002, 5_003])
    for (const offset of [5_000, 5_002, 5_003]) tracker.complete(offset)
    const { text } = encodeCompletedBeyond(tracker.mark, tracker.completedBeyond())
    expect(decodeCompletedBeyond(tracker.mark, text)).toEqual([{ from: 5_002, to: 5_004 }])
  })

  it('gives back only what is not complete', () => {
    const tracker = new OffsetTracker(0)
    delivered(tracker, [0, 1, 2, 3])
    tracker.complete(2)
    tracker.rewind(1)
    expect(tracker.next).toBe(1)
    expect(delivered(tracker, [1, 2, 3])).toEqual([1, 3])
    for (const offset of [0, 1, 3]) tracker.complete(offset)
    expect(tracker.mark).toBe(4)
  })

  it('does not go back below the mark', () => {
    const tracker = new OffsetTracker(0)
    delivered(tracker, [0, 1, 2])
    tracker.complete(0)
    tracker.rewind(0)
    expect(tracker.next).toBe(1)
  })

  it('ignores completions of what it did not deliver, and second ones', () => {
    const tracker = new OffsetTracker(10)
    delivered(tracker, [10, 11])
    for (const offset of [3, 12, 99, 11, 11]) tracker.complete(offset)
    expect(tracker.mark).toBe(10)
    expect(tracker.completedBeyond()).toEqual([{ from: 11, to: 12 }])
  })

  it('delivers every record once, and marks exactly what is complete, in any order of completions and rewinds', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('deliver' as const), gap: fc.integer({ min: 0, max: 2 }) }),
        fc.record({ do: fc.constant('complete' as const), pick: fc.nat() }),
        fc.record({ do: fc.constant('rewind' as const), pick: fc.nat() }),
        fc.record({ do: fc.constant('restart' as const) }),
        fc.record({ do: fc.constant('retention' as const), pick: fc.nat() }),
      ),
      { maxLength: 300 },
    )
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 2, 5, 16_384), (todo, mostSingle) => {
        let log = existingOffsets(todo.flatMap((step) => (step.do === 'deliver' ? [step.gap] : [])))
        let tracker = new OffsetTracker(0, [], mostSingle)
        let out = new Set<number>()
        const complete = new Set<number>()
        for (const step of todo) {
          if (step.do === 'deliver') {
            const offset = log.find((candidate) => candidate >= tracker.next)
            if (offset === undefined) continue
            for (const gone of complete) if (gone >= tracker.next && gone < offset) complete.delete(gone)
            const isNew = tracker.deliver(offset)
            expect(isNew).toBe(!complete.has(offset))
            if (isNew) out.add(offset)
          } else if (step.do === 'complete') {
            const offset = [...out][step.pick % Math.max(out.size, 1)]
            if (offset === undefined) continue
            tracker.complete(offset)
            complete.add(offset)
            out.delete(offset)
          } else if (step.do === 'rewind') {
            const from = log[step.pick % Math.max(log.length, 1)] ?? 0
            tracker.rewind(from)
            out = new Set([...out].filter((offset) => offset < tracker.next))
          } else if (step.do === 'retention') {
            log = log.slice(step.pick % Math.max(log.length, 1))
          } else {
            const { text: metadata } = encodeCompletedBeyond(tracker.mark, tracker.completedBeyond())
            tracker = new OffsetTracker(tracker.mark, decodeCompletedBeyond(tracker.mark, metadata), mostSingle)
            out = new Set()
          }
          expect([...complete].filter((offset) => offset >= tracker.mark)).toHaveLength(
            sizeOf(tracker.completedBeyond()),
          )
          for (const offset of log) if (offset < tracker.mark) expect(complete.has(offset)).toBe(true)
          if (out.size > 0) expect(tracker.mark).toBe(Math.min(...out))
          else expect(tracker.mark).toBe(tracker.next)
        }
      }),
    )
  })

  it('stays quick with a blocked mark and a hundred thousand records beyond it', () => {
    const tracker = new OffsetTracker(0)
    const started = performance.now()
    for (let offset = 0; offset < 100_000; offset++) tracker.deliver(offset)
    for (let offset = 1; offset < 100_000; offset++) tracker.complete(offset)
    tracker.complete(0)
    expect(tracker.mark).toBe(100_000)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('a record that takes hours', () => {
  const millions = 3_000_000
  const stuck = [0, 1_000_000]
  let tracker: OffsetTracker

  /** Each is complete when three more have been handed out; two never are. */
  beforeAll(() => {
    tracker = new OffsetTracker(0)
    for (let offset = 0; offset < millions; offset++) {
      tracker.deliver(offset)
      if (!stuck.includes(offset - 3)) tracker.complete(offset - 3)
    }
  })

  it('is passed by in a few ranges, and not record by record', () => {
    const { offsets, passed } = tracker as unknown as { offsets: unknown[]; passed: unknown[] }
    expect(offsets.length).toBeLessThan(20_000)
    expect(passed.length).toBeLessThan(10)
  })

  it('is named in the commit with all that passed it by', () => {
    const { text, isWhole } = encodeCompletedBeyond(tracker.mark, tracker.completedBeyond())
    expect(isWhole).toBe(true)
    expect(decodeCompletedBeyond(tracker.mark, text)).toEqual(tracker.completedBeyond())
  })

  it('holds up nothing any more once it is complete', () => {
    expect(tracker.mark).toBe(stuck[0])
    tracker.complete(stuck[0]!)
    expect(tracker.mark).toBe(stuck[1])
    tracker.complete(stuck[1]!)
    for (let offset = millions - 3; offset < millions; offset++) tracker.complete(offset)
    expect(tracker.mark).toBe(millions)
    expect(tracker.completedBeyond()).toEqual([])
  })
})

describe('commit metadata', () => {
  it('says that it is not whole where the ends are farther away than is read back', () => {
    const far = [
      { from: 1_001, to: 2_000 },
      { from: 2_001, to: 20_000_000 },
    ]
    const { text, isWhole } = encodeCompletedBeyond(1_000, far)
    expect(isWhole).toBe(false)
    expect(sizeOf(decodeCompletedBeyond(1_000, text))).toBeGreaterThan(999)
  })

  const ranges = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 50_000 }), fc.integer({ min: 1, max: 3_000 })), { maxLength: 3_000 })
    .map((pairs) => {
      let at = 1_000
      return pairs.map(([gap, length]) => ({ from: (at += gap), to: (at += length) }))
    })

  it('is read back as it was written, as far as it fits', () => {
    fc.assert(
      fc.property(ranges, (some) => {
        const { text, isWhole } = encodeCompletedBeyond(1_000, some)
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_METADATA_BYTES)
        const read = decodeCompletedBeyond(1_000, text)
        if (some.length > 0 && some.at(-1)!.to < 9_000_000) {
          expect(read).toEqual(some.slice(0, read.length))
          expect(isWhole).toBe(read.length === some.length)
          if (some.length < 500) expect(read).toHaveLength(some.length)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('names every one of the first 24,000 offsets, however many gaps are among them', () => {
    const everySecond = Array.from({ length: 12_000 }, (_, i) => ({ from: 1_001 + 2 * i, to: 1_002 + 2 * i }))
    const { text, isWhole } = encodeCompletedBeyond(1_000, everySecond)
    expect(isWhole).toBe(true)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_METADATA_BYTES)
    expect(decodeCompletedBeyond(1_000, text)).toEqual(everySecond)
    const farther = encodeCompletedBeyond(1_000, [...everySecond, { from: 90_000, to: 200_000 }])
    expect(decodeCompletedBeyond(1_000, farther.text)).toEqual(everySecond)
    expect(farther.isWhole).toBe(false)
  })

  it('is what more is named by: a bit for each offset, or long ranges farther away', () => {
    const long = Array.from({ length: 2_000 }, (_, i) => ({ from: 1_100 + 1_100 * i, to: 2_100 + 1_100 * i }))
    const { text, isWhole } = encodeCompletedBeyond(1_000, long)
    expect(isWhole).toBe(false)
    const read = decodeCompletedBeyond(1_000, text)
    expect(read).toEqual(long.slice(0, read.length))
    expect(sizeOf(read)).toBeGreaterThan(100_000)
  })

  it('takes anything else as nothing', () => {
    const strange = fc.oneof(
      fc.string(),
      fc.constantFrom('beyond1:', 'beyond2:'),
      fc.string().map((text) => `beyond1:${text}`),
      fc.string().map((text) => `beyond2:${text}`),
    )
    fc.assert(
      fc.property(strange, (text) => {
        for (const { from, to } of decodeCompletedBeyond(7, text)) expect(to).toBeGreaterThan(from)
      }),
    )
    expect(decodeCompletedBeyond(7, null)).toEqual([])
    expect(decodeCompletedBeyond(7, 'someone else’s')).toEqual([])
  })
})

function existingOffsets(gaps: number[]): number[] {
  let at = -1
  return gaps.map((gap) => (at += gap + 1))
}

function sizeOf(some: { from: number; to: number }[]): number {
  return some.reduce((sum, { from, to }) => sum + to - from, 0)
}
