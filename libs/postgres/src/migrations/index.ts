import { Accounting1763960000006 } from './accounting.js'
import { AttemptsByTime1763960000009 } from './attempts-by-time.js'
import { Configuration1763960000001 } from './configuration.js'
import { KeyChanges1763960000014 } from './key-changes.js'
import { MailsOfAnAccount1763960000013 } from './mails-of-an-account.js'
import { MatchesAsTheyAre1763960000010 } from './matches-as-they-are.js'
import { OperationalEvents1763960000008 } from './operational-events.js'
import { ReadModels1763960000002 } from './read-models.js'
import { Redeliveries1763960000005 } from './redeliveries.js'
import { RedeliveredEvents1763960000012 } from './redelivered-events.js'
import { Replays1763960000007 } from './replays.js'
import { ReplaysAhead1763960000011 } from './replays-ahead.js'
import { WebhookHealth1763960000003 } from './webhook-health.js'

/** In order. A migration that was ever released is never changed again: the next one corrects it. */
export const migrations = [
  Configuration1763960000001,
  ReadModels1763960000002,
  WebhookHealth1763960000003,
  Redeliveries1763960000005,
  Accounting1763960000006,
  Replays1763960000007,
  OperationalEvents1763960000008,
  AttemptsByTime1763960000009,
  MatchesAsTheyAre1763960000010,
  ReplaysAhead1763960000011,
  RedeliveredEvents1763960000012,
  MailsOfAnAccount1763960000013,
  KeyChanges1763960000014,
]
