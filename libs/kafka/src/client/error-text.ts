/** For a log line: with the stack where a programmer made the mistake, not for what the network did. */
export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
