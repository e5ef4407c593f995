import { z } from 'zod'

/** Text of at most so many characters, which are code points here as in the OpenAPI document: an emoji is one. */
export function textOfAtMost(most: number): z.ZodString {
  return (
    z
      .string()
      .refine((text) => isAtMost(most, text), { error: `must have at most ${most} characters` })
      // That there is no NUL is checked for the whole body.
      .meta({ maxLength: most, pattern: '^[^\\u0000]*$' })
  )
}

function isAtMost(most: number, text: string): boolean {
  if (text.length <= most) return true
  // No more code points than units, no fewer than half: only in between they must be counted.
  return text.length <= 2 * most && [...text].length <= most
}
