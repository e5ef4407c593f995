/** What an HTTP answer came to, with its body read. */
export interface ApiAnswer<T = unknown> {
  status: number
  headers: Headers
  body: T
}

export interface WebhookCreated {
  id: string
  name: string
  url: string
  events: string[]
  secret: string
  is_active: boolean
  created_at: string
}

export interface EventAccepted {
  id: string
  type: string
  created_at: string
}

/** The HTTP API as one key's owner uses it. */
export class ApiClient {
  constructor(
    readonly baseUrl: string,
    private readonly key: string,
  ) {}

  async request<T = unknown>(method: string, path: string, body?: unknown): Promise<ApiAnswer<T>> {
    const answer = await fetch(this.baseUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = (answer.headers.get('content-type') ?? '').includes('json')
    return { status: answer.status, headers: answer.headers, body: (isJson ? JSON.parse(text) : text) as T }
  }

  /** @throws unless the answer is a 2xx */
  async expect<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.request<T>(method, path, body)
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    }
    return answer.body
  }

  createWebhook(url: string, events: string[], name = 'A webhook'): Promise<WebhookCreated> {
    return this.expect('POST', '/v1/webhooks', { name, url, events })
  }
}
