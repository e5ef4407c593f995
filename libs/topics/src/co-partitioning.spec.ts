import { expect, it } from 'vitest'
import { partitionProblem } from './co-partitioning.js'

const brokers = ['10.0.0.1:9092', '10.0.0.2:9092']

it('is content with equal counts', () => {
  const counts = { deliveries: 12, 'deliveries.retry-10s': 12 }
  expect(partitionProblem(new Map(Object.entries(counts)), brokers)).toBeNull()
})

it('names the topics that differ and the command that mends them', () => {
  const problem = partitionProblem(
    new Map([
      ['deliveries', 12],
      ['deliveries.retry-10s', 4],
    ]),
    brokers,
  )
  // `admin create-topics` prints the same.
  expect(problem).toContain(
    '  kafka-topics.sh --bootstrap-server 10.0.0.1:9092,10.0.0.2:9092 --alter --topic deliveries.retry-10s --partitions 12',
  )
  expect(problem).not.toContain('--topic deliveries --partitions')
})
