import { expect, it } from 'vitest'
import { page } from './page.js'

const machine = {
  cores: '2 × Model',
  memory: '8.0 GiB',
  system: 'Linux',
  node: 'v20',
  kafka: '4.4.0',
  postgres: '18.4',
  commit: 'abc',
}

const circumstances = (change: { commit?: string; quick?: boolean } = {}) => ({
  machine: { ...machine, commit: change.commit ?? 'abc' },
  extent: { seconds: 60, warmUpSeconds: 5, quick: change.quick ?? false },
  repeats: 3,
})

function aResult(title: string, notes: string[] = []) {
  const scenario = {
    name: title.toLowerCase(),
    title,
    text: 'Some text.',
    tables: [{ title: 'Latency', columns: [{ key: 'p50', title: 'p50 ms', digits: 1 }] }],
    run: async () => [],
  }
  return { scenario, repeats: [4, 5, 6].map((p50) => [{ label: '200/s', values: { p50 }, notes }]) }
}

const ORDER = ['Rates', 'Idle', 'Burst']

it('names the machine, the commit, the repeats and every remark', () => {
  const text = page([aResult('Rates', ['1 deliveries came again'])], circumstances(), '', ORDER)
  expect(text).toContain(
    '_Commit abc, repeats: 3 of 60 s after 5 s that are not counted. 2 × Model, 8.0 GiB; Linux; Node',
  )
  expect(text).toContain('| 200/s | 5.0 (4.0–6.0) |')
  expect(text.match(/- 200\/s: 1 deliveries came again/g)).toHaveLength(1)
  expect(text).not.toContain('--quick')
})

it('keeps what was measured earlier and not now, in the order of the scenarios, with its own commit', () => {
  const earlier = page([aResult('Rates'), aResult('Burst')], circumstances({ commit: 'old' }), '', ORDER)
  const text = page([aResult('Idle'), aResult('Rates')], circumstances({ commit: 'new' }), earlier, ORDER)
  const told = [...text.matchAll(/^## (\w+)|Commit (\w+),/gm)].map(([, title, commit]) => title ?? commit)
  expect(told).toEqual(['Rates', 'new', 'Idle', 'new', 'Burst', 'old'])
  expect(text.match(/^# Benchmark/gm)).toHaveLength(1)
  expect(page([], circumstances(), text, ORDER)).toBe(text)
})

it('drops a section that no scenario makes any more, and says when a section is of no use', () => {
  const earlier = page([aResult('Rates'), aResult('Burst')], circumstances(), '', ORDER)
  const text = page([aResult('Rates')], circumstances({ quick: true }), earlier, ['Rates'])
  expect(text).not.toContain('## Burst')
  expect(text).toContain('**Made with `--quick`')
})
