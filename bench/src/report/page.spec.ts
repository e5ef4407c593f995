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

it('names the machine, the commit, the repeats and every remark', () => {
  const scenario = {
    name: 'rates',
    title: 'Fixed rates',
    text: 'Some text.',
    tables: [{ title: 'Latency', columns: [{ key: 'p50', title: 'p50 ms', digits: 1 }] }],
    run: async () => [],
  }
  const repeats = [4, 5, 6].map((p50) => [{ label: '200/s', values: { p50 }, notes: ['1 deliveries came again'] }])
  const text = page([{ scenario, repeats }], machine, { seconds: 60, warmUpSeconds: 5, quick: false }, 3)
  expect(text).toContain('Cores: 2 × Model;')
  expect(text).toContain('Commit: abc')
  expect(text).toContain('Repeats: 3 of 60 s')
  expect(text).toContain('| 200/s | 5.0 (4.0–6.0) |')
  expect(text.match(/- 200\/s: 1 deliveries came again/g)).toHaveLength(1)
  expect(text).not.toContain('--quick')
})
