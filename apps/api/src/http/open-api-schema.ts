import { z } from 'zod'

export interface ConvertedSchema {
  schema: Record<string, unknown>
  /** Schemas with an id of their own, by it. */
  components: Record<string, unknown>
}

/** The schema that validates, as OpenAPI 3.1 writes it; those named by `.meta({ id })` become components. */
export function openApiSchema(schema: z.ZodType, io: 'input' | 'output'): ConvertedSchema {
  const registry = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' })
  const { $schema: _, $defs = {}, id, ...own } = registry as Record<string, unknown>
  const components: Record<string, unknown> = {}
  for (const [name, definition] of Object.entries($defs as Record<string, object>)) components[name] = named(definition)
  if (typeof id !== 'string') return { schema: pointed(own), components: pointed(components) }
  return {
    schema: { $ref: `#/components/schemas/${id}` },
    components: pointed({ ...components, [id]: own }),
  }
}

function named(definition: object): Record<string, unknown> {
  const { id: _, ...rest } = definition as Record<string, unknown>
  return rest
}

function pointed<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as T
}
