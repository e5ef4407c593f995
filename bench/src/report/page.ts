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

/** What a section's figures were measured with. */
export interface Circumstances {
  machine: Machine
  extent: Extent
  repeats: number
}

/**
 * `docs/benchmark.md`. A whole run takes hours: sections of the earlier page that were not measured now stay as they were,
 * each with the commit and the machine of its own figures.
 *
 * @param order the titles of all sections, first to last; what the earlier page has besides is dropped
 */
export function page(
  results: readonly ScenarioResult[],
  circumstances: Circumstances,
  earlier: string,
  order: readonly string[],
): string {
  const sections = sectionsOf(earlier)
  for (const result of results) sections.set(result.scenario.title, section(result, circumstances))
  return [introduction.join('\n'), ...order.flatMap((title) => sections.get(title) ?? [])].join('\n\n') + '\n'
}

/** By title. */
function sectionsOf(text: string): Map<string, string> {
  const sections = text.split(/^(?=## )/m).slice(1)
  return new Map(sections.map((each) => [each.slice(3, each.indexOf('\n')).trim(), each.trim()]))
}

const introduction = [
  '# Benchmark',
  '',
  'Written by `npm run bench -- --write`; do not edit. Everything ran on one machine: the three services, Kafka, ' +
    'Postgres, and in one more process the load generator and all receivers, whose CPU is shown apart.',
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
  '- Each section ends with the commit and the machine that it was measured with: not all were in one run.',
  '',
  'To repeat it, with nothing else running: `npm ci && npm run bench`. It needs Linux and Java 17+, takes some ' +
    'hours, and `npm run bench -- --help` tells how to run a part.',
]

function section({ scenario, repeats }: ScenarioResult, circumstances: Circumstances): string {
  const summaries = summarizeRepeats(repeats)
  const notes = summaries.flatMap((summary) => [...new Set(summary.notes)].map((note) => `- ${summary.label}: ${note}`))
  return [
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
    '',
    measuredWith(circumstances),
  ].join('\n')
}

function measuredWith({ machine, extent, repeats }: Circumstances): string {
  const windows = `${repeats} of ${extent.seconds} s after ${extent.warmUpSeconds} s that are not counted`
  const quick = extent.quick
    ? ' **Made with `--quick`: it shows that everything works, and says little about speed.**'
    : ''
  return (
    `_Commit ${machine.commit}, repeats: ${windows}. ${machine.cores}, ${machine.memory}; ${machine.system}; ` +
    `Node ${machine.node}, Kafka ${machine.kafka}, Postgres ${machine.postgres}._${quick}`
  )
}
