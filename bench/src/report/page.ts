import type { Extent, Scenario } from '../scenarios/scenario.js'
import type { Machine } from './machine.js'
import { summarizeRepeats, tableCells } from './summary.js'
import type { Row } from './row.js'
import { markdownLines } from './table.js'

export interface ScenarioResult {
  scenario: Scenario
  /** The rows of each repeat. */
  repeats: Row[][]
}

/** `docs/benchmark.md`. */
export function page(results: readonly ScenarioResult[], machine: Machine, extent: Extent, repeats: number): string {
  return [...introduction(machine, extent, repeats), ...results.flatMap(section), ''].join('\n')
}

function introduction(machine: Machine, extent: Extent, repeats: number): string[] {
  return [
    '# Benchmark',
    '',
    'Written by `npm run bench -- --write`; do not edit. Everything ran on one machine: the three services, Kafka, ' +
      'Postgres, and in one more process the load generator and all receivers, whose CPU is shown apart.',
    '',
    `- Cores: ${machine.cores}; memory: ${machine.memory}; system: ${machine.system}`,
    `- Node ${machine.node}, Kafka ${machine.kafka}, Postgres ${machine.postgres}`,
    `- Commit: ${machine.commit}`,
    `- Repeats: ${repeats} of ${extent.seconds} s after ${extent.warmUpSeconds} s that are not counted`,
    '',
    'How to read it:',
    '',
    '- Rates are in deliveries per second; at fan-out 10 an event makes ten. Delivered bodies are 1 KiB.',
    '- The load is open-loop: events are due evenly, however slow the answers are. Latency runs from the time that an ' +
      'event was due, the API included, to the arrival of its last byte at the receiver; a delivery that never arrives ' +
      'counts as one that took for ever. The generator’s own timer adds up to 1 ms.',
    '- Figures are the median of the repeats, with the lowest and the highest behind it.',
    '- CPU is user and system time of all threads, from `/proc`, Postgres with all its backends. CPU per delivery falls ' +
      'as the rate rises, because a busy system works in batches: compare only equal rates.',
    '- The services run as in production: logging at `info` into files, metrics on, the default retry schedule.',
    '',
    'To repeat it, with nothing else running: `npm ci && npm run bench`. It needs Linux and Java 17+, takes some ' +
      'hours, and `npm run bench -- --help` tells how to run a part.',
    ...(extent.quick
      ? ['', '**Made with `--quick`: it shows that everything works, and says little about speed.**']
      : []),
  ]
}

function section({ scenario, repeats }: ScenarioResult): string[] {
  const summaries = summarizeRepeats(repeats)
  const notes = summaries.flatMap((summary) => [...new Set(summary.notes)].map((note) => `- ${summary.label}: ${note}`))
  return [
    '',
    `## ${scenario.title}`,
    '',
    scenario.text,
    ...scenario.tables.flatMap((table) => [
      '',
      `**${table.title}**`,
      '',
      ...markdownLines(tableCells(table, summaries)),
    ]),
    ...(notes.length > 0 ? ['', 'Remarks:', '', ...notes] : []),
  ]
}
