import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Problem, problemDocument } from './problem.js'

export async function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const instance = request.url.split('?', 1)[0] ?? request.url
  // Fastify would close the connection on a body that is too large. A caller that is still sending would then see a
  // reset connection and never the answer; Node reads past the rest, within the request's time limit.
  if (problem.status === 413) reply.removeHeader('connection')
  const document = JSON.stringify(problemDocument(problem, instance, request.id))
  await reply
    .status(problem.status)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    // Bytes, since Fastify adds to text a charset that this media type does not have.
    .send(Buffer.from(document))
}
