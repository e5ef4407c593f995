/**
 * Text from a stranger as Postgres can store it: U+0000, which it refuses, shows as the replacement character. Lone
 * surrogates become the same on their way into UTF-8.
 */
export function storableText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text
}
