/** One step further along a JSON pointer (RFC 6901). */
export function childPointer(pointer: string, key: PropertyKey): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

export function pointerOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(childPointer, '')
}
