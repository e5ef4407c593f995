import { Injectable } from '@nestjs/common'
import { NotificationSender } from './notification-sender.js'
import { OperationalEventSender } from './operational-event-sender.js'

/** Both ways by which people hear of their webhooks. Each goes by itself: neither waits for the other. */
@Injectable()
export class Notifications {
  constructor(
    private readonly mails: NotificationSender,
    private readonly events: OperationalEventSender,
  ) {}

  /** One was left a moment ago: it need not wait for the next look. */
  wake(): void {
    this.mails.wake()
    this.events.wake()
  }
}
