/** Undici's alternating names and values as one object: lower-case names, repeated ones joined with a comma. */
export function headersOf(raw: readonly Buffer[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toString('latin1').toLowerCase()
    const value = (raw[index + 1] ?? '').toString('latin1')
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  // fromEntries defines properties, so a header called __proto__ is a header and nothing else.
  return Object.fromEntries(headers)
}
