/** A checked RFC 3339 time as ms since the epoch. A leap second, which a Date does not know, is the second before. */
export function filterTime(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text.replace(/:60(?=[.zZ+-])/, ':59'))
}
