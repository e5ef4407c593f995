import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '#telemetry'
import { asProblem } from './as-problem.js'
import { sendProblem } from './send-problem.js'

/** Every answer that is not a success leaves through here, whoever threw what: routes, guards, Nest, Fastify. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp()
    const request = http.getRequest<FastifyRequest>()
    const problem = asProblem(error)
    if (problem.status === 500) {
      this.logger.error({ err: error, trace_id: request.id, route: request.routeOptions?.url }, 'a request failed')
    }
    await sendProblem(problem, request, http.getResponse<FastifyReply>())
  }
}
