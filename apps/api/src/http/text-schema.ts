import { z } from 'zod'

/** Text of at most so many characters, which are code points here as in the OpenAPI document: an emoji is one. */
export function textOfAtMost(most: number): z.ZodString {
  return z
    .string()
    .refine((text) => isAtMost(most, text), { error: `must have at most ${most} characters` })
    .meta({ maxLength: most })
}

function isAtMost(most: number, text: string): boolean {
  if (text.length <= most) return true
  // No more code points than units, no fewer than half: only in between they must be counted.
  return text.length <= 2 * most && [...text].length <= most
}
