type ErrorClass = new (...details: unknown[]) => Error & { retriable: boolean }

/**
 * A broker that just came back does not know its groups' coordinators for a moment. kafkajs calls that final and lets
 * the consumer die; it is as passing as the broker's absence was.
 */
export function patientCoordinatorSearch(errors: { KafkaJSGroupCoordinatorNotFound: ErrorClass }): void {
  errors.KafkaJSGroupCoordinatorNotFound = class extends errors.KafkaJSGroupCoordinatorNotFound {
    constructor(...details: unknown[]) {
      super(...details)
      this.retriable = true
    }
  }
}
