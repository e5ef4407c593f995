import { type Dispatcher, Pool } from 'undici'

/** What the API said to one request: its status, or the error that came instead of an answer. */
export type PostAnswer = number | Error

/**
 * Posts to the API over keep-alive connections, one request at a time on each. Requests beyond that wait here, and
 * their wait counts as latency. `dispatch` costs a third of what `fetch` does: the poster shares the machine with what
 * it measures.
 */
export class ApiPoster {
  readonly #pool: Pool
  readonly #headers: Record<string, string>

  constructor(apiUrl: string, producerKey: string, connections: number) {
    this.#pool = new Pool(apiUrl, { connections, pipelining: 1 })
    this.#headers = { authorization: `Bearer ${producerKey}`, 'content-type': 'application/json' }
  }

  post(path: string, body: string, onAnswer: (answer: PostAnswer) => void): void {
    const options: Dispatcher.DispatchOptions = { path, method: 'POST', headers: this.#headers, body }
    this.#pool.dispatch(options, new AnswerHandler(onAnswer))
  }

  /** The same as a promise; for what is not sent by the thousand. */
  send(path: string, body: string): Promise<PostAnswer> {
    return new Promise((resolve) => this.post(path, body, resolve))
  }

  /** At once: what is under way is given up. */
  close(): Promise<void> {
    return this.#pool.destroy()
  }
}

class AnswerHandler implements Dispatcher.DispatchHandler {
  private status = 0

  constructor(private readonly onAnswer: (answer: PostAnswer) => void) {}

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.status = status
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    this.onAnswer(this.status)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.onAnswer(error)
  }
}
