// The product's dispatcher, but for one thing: at the point that CRASH_POINT names it kills itself with SIGKILL. Only
// the webhook that CRASH_WEBHOOK_ID and CRASH_WEBHOOK_URL name brings it there: an earlier crash leaves doubles in the
// tiers, and one of them that comes first would end it before the delivery that is meant.
import { EgressClient } from '../../dist/libs/egress/src/index.js'
import { BatchingProducer, RecordBatch } from '../../dist/libs/kafka/src/index.js'

const { CRASH_POINT: point, CRASH_WEBHOOK_ID: webhookId, CRASH_WEBHOOK_URL: url } = process.env
const crash = () => process.kill(process.pid, 'SIGKILL')
/** Nothing after the signal may run: the process is gone before this is settled. */
const never = () => new Promise(() => {})

const send = EgressClient.prototype.send
EgressClient.prototype.send = async function (request) {
  if (request.url !== url) return send.call(this, request)
  if (point === 'before the request') return (crash(), never())
  const result = await send.call(this, request)
  if (point === 'after the answer') return (crash(), never())
  return result
}

const produce = BatchingProducer.prototype.send
BatchingProducer.prototype.send = async function (records) {
  await produce.call(this, records)
  const isMeant = records.some(({ key, value }) => key === webhookId || String(value).includes(webhookId))
  if (isMeant && point === 'after the write') return (crash(), never())
}

const complete = RecordBatch.prototype.complete
RecordBatch.prototype.complete = function (record) {
  complete.call(this, record)
  if (record.key !== webhookId) return
  if (point === 'after completion') crash()
  // Commits happen every 250 ms.
  if (point === 'after the commit') setTimeout(crash, 1_500)
}

await import('../../dist/apps/dispatcher/src/main.js')
