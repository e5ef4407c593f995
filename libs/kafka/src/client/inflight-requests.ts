interface SocketRequest {
  correlationId: number
}

/**
 * The requests of one connection that wait for an answer, in the words of a Map as kafkajs uses one. There are a few at
 * a time, and a Map that is filled and emptied for ever keeps what it held alive (see SlotSet): here every answer to a
 * fetch and every batch that was written.
 */
export class InflightRequests {
  private readonly requests: SocketRequest[] = []

  get size(): number {
    return this.requests.length
  }

  has(correlationId: number): boolean {
    return this.indexOf(correlationId) >= 0
  }

  get(correlationId: number): SocketRequest | undefined {
    return this.requests[this.indexOf(correlationId)]
  }

  set(_correlationId: number, request: SocketRequest): void {
    this.requests.push(request)
  }

  delete(correlationId: number): void {
    const index = this.indexOf(correlationId)
    if (index >= 0) this.requests.splice(index, 1)
  }

  clear(): void {
    this.requests.length = 0
  }

  values(): SocketRequest[] {
    return [...this.requests]
  }

  /** As they are now: one that has timed out is removed on the way. */
  forEach(visit: (request: SocketRequest) => void): void {
    this.values().forEach(visit)
  }

  private indexOf(correlationId: number): number {
    return this.requests.findIndex((request) => request.correlationId === correlationId)
  }
}

type RequestQueueClass = new (options: object) => { inflight: unknown }

export function withInflightRequests(stock: RequestQueueClass): RequestQueueClass {
  return class extends stock {
    constructor(options: object) {
      super(options)
      this.inflight = new InflightRequests()
    }
  }
}
