import { expect, it } from 'vitest'
import { partitionProblem } from './co-partitioning.js'

it('is content with equal counts', () => {
  const counts = { deliveries: 12, 'deliveries.retry-10s': 12 }
  expect(partitionProblem(new Map(Object.entries(counts)))).toBeNull()
})

it('names the topics that differ and the command that mends them', () => {
  const problem = partitionProblem(
    new Map([
      ['deliveries', 12],
      ['deliveries.retry-10s', 4],
    ]),
  )
  expect(problem).toContain('kafka-topics --alter --topic deliveries.retry-10s --partitions 12')
  expect(problem).not.toContain('--topic deliveries --partitions')
})
