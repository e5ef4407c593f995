import { z } from 'zod'

/** RFC 9457, with what lets a person find the request in our logs and a program the field that was wrong. */
export const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string().describe('The path that was asked for.'),
    trace_id: z.string().regex(/^[0-9a-f]{32}$/),
    errors: z
      .array(z.strictObject({ pointer: z.string().describe('JSON pointer (RFC 6901).'), detail: z.string() }))
      .optional(),
  })
  .meta({ id: 'Problem' })
