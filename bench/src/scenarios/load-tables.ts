import type { Table } from '../report/table.js'

/** From the time that an event was due to its arrival, and until the API can tell of it. */
export const latencyTable: Table = {
  title: 'Latency',
  columns: [
    { key: 'offered', title: 'offered/s', digits: 0 },
    { key: 'delivered', title: 'delivered/s', digits: 0 },
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'max', title: 'max ms', digits: 0 },
    { key: 'readable', title: 'in the read models after ms', digits: 0 },
  ],
}

const processes = [
  ['api', 'api'],
  ['fanout', 'fan-out'],
  ['dispatcher', 'dispatcher'],
  ['broker', 'broker'],
  ['postgres', 'Postgres'],
  ['all', 'all five'],
  ['bench', 'generator + receiver'],
] as const

export const cpuTable: Table = processTable('CPU-seconds per 1,000 deliveries', 'cpu', 3)
export const memoryTable: Table = processTable('Resident memory at the end of the window, MiB', 'memory', 0)

/** One column per process, and their sum. */
export function processTable(title: string, kind: string, digits: number): Table {
  return { title, columns: processes.map(([key, name]) => ({ key: `${kind}_${key}`, title: name, digits })) }
}
