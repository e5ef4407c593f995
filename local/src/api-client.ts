export interface ApiAnswer {
  status: number
  body: Record<string, unknown>
}

/** Calls the local API as a customer would. */
export class ApiClient {
  constructor(readonly url: string) {}

  /** @returns the answer, whatever its status; @throws Error when there is none within 10 s */
  async request(method: string, path: string, key: string, body?: unknown): Promise<ApiAnswer> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await answer.text()
    return { status: answer.status, body: text ? (JSON.parse(text) as Record<string, unknown>) : {} }
  }

  /** @throws Error with the API's own sentence unless the status is 2xx */
  async expect(method: string, path: string, key: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await this.request(method, path, key, body)
    if (answer.status >= 200 && answer.status < 300) return answer.body
    throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  }
}
