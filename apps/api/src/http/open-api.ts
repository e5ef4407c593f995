import type { INestApplication } from '@nestjs/common'
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger'
import type { z } from 'zod'
import { MOST_READS_AT_ONCE, MOST_READS_WAITING } from '../deliveries/log-read-turns.js'
import { MOST_CHANGES_AT_ONCE, MOST_CHANGES_WAITING } from '../webhooks/configuration-turns.js'
import { openApiSchema } from './open-api-schema.js'
import { addProblemAnswers } from './problem-answers.js'
import { problemSchema } from './problem-schema.js'

export interface NamedSchemas {
  /** What a receiver gets: what its owner's contexts did, and what became of its owner's other webhooks. */
  delivered: { event: z.ZodType; operationalEvent: z.ZodType }
  /** Of routes that name their body's schema by its id, because they validate it themselves. */
  bodies: z.ZodType[]
}

/** A document of what this very process answers: made of the schemas that validate, and of every route there is. */
export function openApiDocument(app: INestApplication, named: NamedSchemas): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('ContextFile webhooks')
    .setDescription(DESCRIPTION)
    .setVersion('v1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key, cfk_…' }, 'key')
    .addSecurityRequirements('key')
    .build()
  const document = SwaggerModule.createDocument(app, builder, {
    standardSchemaConverter: (schema, { schemaType }) => openApiSchema(schema as z.ZodType, schemaType),
  })
  const event = openApiSchema(named.delivered.event, 'output')
  const operationalEvent = openApiSchema(named.delivered.operationalEvent, 'output')
  const others = [problemSchema, ...named.bodies].map((schema) => openApiSchema(schema, 'input').components)
  document.components ??= {}
  document.components.schemas = Object.assign(
    {},
    document.components.schemas,
    event.components,
    operationalEvent.components,
    ...others,
  )
  addProblemAnswers(document)
  const webhooks = {
    event: {
      post: {
        ...received(event.schema),
        operationId: 'receiveEvent',
        summary: 'An event, as your server receives it',
      },
    },
    operationalEvent: {
      post: {
        ...received(operationalEvent.schema),
        operationId: 'receiveOperationalEvent',
        summary: 'What became of another webhook of the account, where this one subscribes to it',
      },
    },
  }
  return { ...document, webhooks } as unknown as OpenAPIObject
}

/** The page for people at `/docs`, from files that come with us, and the document at `/openapi.json`. */
export function serveOpenApi(app: INestApplication, document: OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, {
    raw: ['json'],
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'ContextFile webhooks',
    // Without this the page shows the document to a validator on the internet.
    swaggerOptions: { validatorUrl: null },
  })
}

const DESCRIPTION =
  'Webhooks tell your server when a context changes. Every error is `application/problem+json`. ' +
  'Lists are newest first: pass `next_cursor` as `cursor` for the next page. ' +
  'Each key has a rate; `RateLimit` says what is left of it, and 429 comes with `Retry-After`. ' +
  `Of an account ${MOST_READS_AT_ONCE} requests for events and deliveries are under way at a time, each until its answer ` +
  `has been read, and ${MOST_READS_WAITING} wait in turn. Changes of its webhooks are made ${MOST_CHANGES_AT_ONCE} at a ` +
  `time and ${MOST_CHANGES_WAITING} wait in turn. Beyond that the answer is 429, too.`

/** What a receiver is sent; here so that its side can be generated and tested too. */
function received(schema: object): object {
  const header = (name: string, description: string) => ({
    name,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
  })
  return {
    description: 'Delivered at least once and in no promised order; the same bytes at every attempt.',
    security: [],
    parameters: [
      header('X-Webhook-Signature', 'Lower-case hex of HMAC-SHA256 over the body; the key is the whole secret.'),
      header('webhook-id', 'The event’s id, the same at every attempt.'),
      header('webhook-timestamp', 'Seconds since the epoch, of this attempt.'),
      header('webhook-signature', 'Standard Webhooks signatures, one per valid secret: v1,<base64>.'),
      header('X-Webhook-Event', 'The event’s type.'),
      header('X-Webhook-Delivery', 'The delivery’s id, to be named in questions to us.'),
      header('X-Webhook-Attempt', 'Which attempt of the delivery this is, from 1.'),
    ],
    requestBody: { required: true, content: { 'application/json': { schema } } },
    responses: {
      '2XX': { description: 'Received. Answer within 5 seconds and work afterwards.' },
      '410': { description: 'Gone: the webhook is disabled at once.' },
      default: { description: 'Tried again, up to five times.' },
    },
  }
}
