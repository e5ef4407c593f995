import { z } from 'zod'

interface Described {
  status: number
  headers: Headers
  body: unknown
}

export interface Operation {
  operationId?: string
  parameters?: { in: string; name: string }[]
  responses: Record<string, { content?: Record<string, { schema?: object }> }>
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

/** The OpenAPI document as a judge: an answer that it does not describe, or describes differently, is an error. */
export class AnswerSchemas {
  readonly #compiled = new Map<object, z.ZodType>()

  constructor(readonly document: OpenApi) {}

  assertDescribed(method: string, path: string, answer: Described): void {
    const operation = this.#operation(method, path.split('?', 1)[0]!)
    const where = `${method} ${path} → ${answer.status}`
    const contentType = answer.headers.get('content-type')?.split(';', 1)[0] ?? ''
    if (!operation) {
      if (answer.status >= 400) this.#assertValid(where, { $ref: '#/components/schemas/Problem' }, answer.body)
      return
    }
    const response = operation.responses[answer.status]
    if (!response) throw new Error(`${where} is not in the OpenAPI document`)
    if (answer.status === 204) return
    const schema = response.content?.[contentType]?.schema
    if (!schema) throw new Error(`${where} answers ${contentType}, which the OpenAPI document does not name`)
    this.#assertValid(where, schema, answer.body)
  }

  #operation(method: string, path: string) {
    const candidates = Object.keys(this.document.paths).filter((template) =>
      new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path),
    )
    // A literal path wins over one with a parameter, as in the router.
    const template = candidates.sort((a, b) => a.split('{').length - b.split('{').length)[0]
    return template === undefined ? undefined : this.document.paths[template]?.[method.toLowerCase()]
  }

  #assertValid(where: string, schema: object, body: unknown): void {
    let compiled = this.#compiled.get(schema)
    if (!compiled) this.#compiled.set(schema, (compiled = this.compile(schema)))
    const result = compiled.safeParse(body)
    if (!result.success)
      throw new Error(`${where} is not as described: ${result.error.message}\n${JSON.stringify(body)}`)
  }

  compile(schema: object): z.ZodType {
    const whole = JSON.stringify({ ...schema, $defs: this.document.components.schemas })
    return z.fromJSONSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')))
  }
}
