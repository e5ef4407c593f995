/** Up to this length a loop over the characters beats the call into Node's native code. */
const SHORT = 40

/** Length of the text in UTF-8. */
export function utf8Bytes(text: string): number {
  if (text.length > SHORT) return Buffer.byteLength(text)
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  }
  return text.length
}

/** Writes the text in UTF-8; returns the position after it. */
export function writeUtf8(target: Buffer, text: string, at: number): number {
  if (text.length > SHORT) return at + target.write(text, at)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return at + target.write(text, at)
    target[at + i] = code
  }
  return at + text.length
}
