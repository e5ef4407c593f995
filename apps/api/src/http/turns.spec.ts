import { afterEach, expect, it, vi } from 'vitest'
import { Turns } from './turns.js'

/** Who has asked and has the turn, in the order in which it came. */
function aLine(limits: { underWay: number; waiting: number }) {
  const turns = new Turns(limits)
  const come: { name: string; end: () => void }[] = []
  const ask = (key: string, name: string): boolean => {
    const turn = turns.take(key)
    void turn?.then((end) => come.push({ name, end }))
    return turn !== null
  }
  const names = () => come.map(({ name }) => name)
  const end = (name: string) => come.find((each) => each.name === name)!.end()
  return { turns, ask, names, end }
}

afterEach(() => void vi.useRealTimers())

/** Until everything that is settled has been told. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

it('so many of a key are under way, and the others wait in the order in which they came', async () => {
  const { ask, names, end } = aLine({ underWay: 2, waiting: 5 })
  for (const name of ['1', '2', '3', '4']) expect(ask('a', name)).toBe(true)
  await settled()
  expect(names()).toEqual(['1', '2'])
  end('2')
  await settled()
  expect(names()).toEqual(['1', '2', '3'])
  end('1')
  await settled()
  expect(names()).toEqual(['1', '2', '3', '4'])
})

it('who finds every place taken is refused at once, and only of that key', async () => {
  const { ask, names, end } = aLine({ underWay: 1, waiting: 1 })
  expect(['1', '2', '3'].map((name) => ask('a', name))).toEqual([true, true, false])
  expect(ask('b', 'other')).toBe(true)
  await settled()
  expect(names()).toEqual(['1', 'other'])
  end('1')
  await settled()
  expect(ask('a', '4')).toBe(true)
  expect(ask('a', '5')).toBe(false)
})

it('without places to wait there are only turns that come at once', async () => {
  const { ask, end } = aLine({ underWay: 1, waiting: 0 })
  expect(ask('a', '1')).toBe(true)
  expect(ask('a', '2')).toBe(false)
  await settled()
  end('1')
  expect(ask('a', '3')).toBe(true)
})

it('a turn that is ended twice is given back once', async () => {
  const { ask, names, end } = aLine({ underWay: 1, waiting: 5 })
  for (const name of ['1', '2', '3']) ask('a', name)
  await settled()
  end('1')
  end('1')
  await settled()
  expect(names()).toEqual(['1', '2'])
})

it('remembers no key of which nothing is under way', async () => {
  const { turns, ask, end } = aLine({ underWay: 1, waiting: 1 })
  for (const key of ['a', 'b']) ask(key, key)
  ask('a', 'second')
  await settled()
  expect(turns.keys).toBe(2)
  for (const name of ['a', 'b']) end(name)
  await settled()
  end('second')
  expect(turns.keys).toBe(0)
})

it('work that fails gives its turn back, and work without a place is not begun', async () => {
  const turns = new Turns({ underWay: 1, waiting: 1 })
  const failing = turns.run('a', () => Promise.reject(new Error('away')))
  const next = turns.run('a', () => Promise.resolve(7))
  const work = vi.fn<() => Promise<number>>()
  expect(turns.run('a', work)).toBeNull()
  await expect(failing).rejects.toThrow('away')
  expect(await next).toBe(7)
  expect(work).not.toHaveBeenCalled()
})

it('a turn that has not come in time goes on to the next when it does', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const turns = new Turns({ underWay: 1, waiting: 2 })
  const end = await turns.takeWithin('a', 100)
  const second = turns.takeWithin('a', 100)
  const third = turns.take('a')
  expect(await turns.takeWithin('a', 100)).toBe('full')
  vi.advanceTimersByTime(100)
  expect(await second).toBe('late')
  expect(vi.getTimerCount()).toBe(0)
  if (typeof end === 'function') end()
  expect(await third).toBeTypeOf('function')
})
