import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common'
import { z } from 'zod'
import { invalidRequest } from './invalid-request.js'
import { parseJsonBody } from './json-body.js'
import { Problem } from './problem.js'
import { UnreadBody } from './unread-body.js'

/**
 * Bodies stay in the connection until here, so that nobody without a key makes us hold or parse anything: guards have
 * run before.
 * A body parameter without a schema is parsed and handed on as it is.
 */
@Injectable()
export class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: (issues) => invalidRequest(issues) })
  }

  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    return super.transform(metadata.type === 'body' ? ((await bodyOf(value, metadata)) as T) : value, metadata)
  }

  /** Nothing is taken away in silence: the schemas are strict and name `__proto__` like any other unknown field. */
  protected override stripProtoKeys(): void {}
}

async function bodyOf(value: unknown, { schema }: ArgumentMetadata): Promise<unknown> {
  const body = value instanceof UnreadBody ? parseJsonBody(await value.read()) : undefined
  if (body === undefined && !takesNothing(schema)) {
    const detail = 'The body is empty: a JSON object is expected.'
    throw new Problem(400, 'Unreadable body', detail, { errors: [{ pointer: '', detail }] })
  }
  return body
}

/** A body may be left out where its schema has something to put in its place. */
function takesNothing(schema: ArgumentMetadata['schema']): boolean {
  return schema instanceof z.ZodType && schema.safeParse(undefined).success
}
