/** With which a command ends whose environment is wrong: EX_CONFIG. */
const wrongConfiguration = 78

/** What `npm run admin` adds to the words of a command that ended: without a stack, nothing says where the servers are. */
export function noStackHint(end: { exitCode: number | null; isRunning: boolean }): string | undefined {
  if (end.isRunning || end.exitCode !== wrongConfiguration) return undefined
  return 'No local stack is running. Start it with npm start and wait until it is ready, or set these variables yourself.'
}
