interface Emitter {
  emit(event: string, payload: object): void
}
interface ConsumerGroup {
  generationId: number
  instrumentationEmitter: Emitter
}
type ConsumerGroupClass = new (options: { instrumentationEmitter: Emitter }) => ConsumerGroup

/**
 * kafkajs keeps the group's generation to itself. Commits need it as a fence: kafkajs' own commitOffsets
 * takes whatever generation is current when a retry gets through, and would overwrite a new owner's offsets.
 */
export function reportGeneration(stock: ConsumerGroupClass): ConsumerGroupClass {
  return class extends stock {
    constructor(options: { instrumentationEmitter: Emitter }) {
      super(options)
      const emitter = options.instrumentationEmitter
      this.instrumentationEmitter = {
        emit: (event, payload) => emitter.emit(event, { ...payload, generationId: this.generationId }),
      }
    }
  }
}
