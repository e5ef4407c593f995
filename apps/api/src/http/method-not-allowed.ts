import type { FastifyInstance } from 'fastify'
import { Problem } from './problem.js'

/**
 * 405 with `Allow` for a method that a path does not have, where Fastify knows only 404: the path is right, and whoever
 * asks should not go on looking for it.
 */
export function refuseUnknownMethods(instance: FastifyInstance): void {
  const methods = new Map<string, Set<string>>()
  const templates: { pattern: RegExp; url: string; depth: number }[] = []
  instance.addHook('onRoute', ({ url, method }) => {
    if (!url.startsWith('/v1/')) return
    let known = methods.get(url)
    if (!known) {
      methods.set(url, (known = new Set()))
      templates.push({ url, depth: url.split(':').length, pattern: new RegExp(`^${url.replace(/:[^/]+/g, '[^/]+')}$`) })
    }
    for (const each of [method].flat()) known.add(each)
  })
  instance.addHook('onRequest', (request, _reply, done) => {
    if (!request.is404) return done()
    const path = request.url.split('?', 1)[0]!
    // A literal path wins over one with a parameter, as in the router.
    const [template] = templates.filter(({ pattern }) => pattern.test(path)).sort((a, b) => a.depth - b.depth)
    done(template && notAllowed([...methods.get(template.url)!].sort().join(', ')))
  })
}

function notAllowed(allow: string): Problem {
  return new Problem(405, 'Method Not Allowed', `This path takes ${allow}.`, { headers: { allow } })
}
