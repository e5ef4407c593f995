// The product's dispatcher, but for one thing: at the point that CRASH_POINT names it kills itself with SIGKILL.
import { EgressClient } from '../../dist/libs/egress/src/index.js'
import { BatchingProducer, RecordBatch } from '../../dist/libs/kafka/src/index.js'

const point = process.env.CRASH_POINT
const crash = () => process.kill(process.pid, 'SIGKILL')
/** Nothing after the signal may run: the process is gone before this is settled. */
const never = () => new Promise(() => {})

const send = EgressClient.prototype.send
EgressClient.prototype.send = async function (request) {
  if (point === 'before the request') return (crash(), never())
  const result = await send.call(this, request)
  if (point === 'after the answer') return (crash(), never())
  return result
}

const produce = BatchingProducer.prototype.send
BatchingProducer.prototype.send = async function (records) {
  await produce.call(this, records)
  if (point === 'after the write') return (crash(), never())
}

const complete = RecordBatch.prototype.complete
RecordBatch.prototype.complete = function (record) {
  complete.call(this, record)
  if (point === 'after completion') crash()
  // Commits happen every 250 ms.
  if (point === 'after the commit') setTimeout(crash, 1_500)
}

await import('../../dist/apps/dispatcher/src/main.js')
