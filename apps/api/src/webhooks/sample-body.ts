import {
  type EventType,
  eventBody,
  isOperational,
  operationalEventBody,
  sampleEvent,
  sampleOperationalEvent,
} from '#domain'

/** A believable body of an event of any type, as its receivers would get it. */
export function sampleBody(type: EventType, id: string, now: Date): string {
  if (isOperational(type)) return operationalEventBody(sampleOperationalEvent(type, id, now))
  return eventBody(sampleEvent(type, id, now))
}
