/**
 * A webhook lives in one process only while partition p of every delivery topic holds the same webhooks, which needs
 * equal counts. Null when they are equal, else a sentence with the commands that mend it.
 *
 * @param counts partitions by topic
 * @param brokers host:port, as configured: the commands run as they are printed
 */
export function partitionProblem(counts: ReadonlyMap<string, number>, brokers: readonly string[]): string | null {
  const most = Math.max(...counts.values())
  const short = [...counts].filter(([, count]) => count < most)
  if (short.length === 0) return null
  const list = [...counts].map(([topic, count]) => `${topic} ${count}`).join(', ')
  const alter = `kafka-topics.sh --bootstrap-server ${brokers.join(',')} --alter`
  const commands = short.map(([topic]) => `${alter} --topic ${topic} --partitions ${most}`).join('\n  ')
  return `the delivery topics must have the same number of partitions, but have: ${list}. Mend it with:\n  ${commands}`
}
