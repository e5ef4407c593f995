import { freePort } from '../../../local/src/index.js'
import { type Answer, after, drip, fail, hang, ok, reset } from '../receiver/answers.js'
import { BlackHoles } from '../receiver/black-holes.js'

/** A way for a receiver to be bad: how it answers and, where its port is its own, what is at that port instead. */
export interface Misbehaviour {
  name: string
  answer: Answer
  /** Ports for `count` receivers on which nobody answers this way; unset: the receiver's own ports will do. */
  ports?(count: number): Promise<{ ports: readonly number[]; close(): Promise<void> }>
}

export const quiet: Misbehaviour = { name: 'none', answer: ok }

export const hanging: Misbehaviour = { name: 'hang', answer: hang }

export const misbehaviours: Misbehaviour[] = [
  { name: 'take 5 s', answer: after(5000) },
  { name: 'fail', answer: fail },
  // Behind a shared port only the requests can vanish; on its own port not even the connection is taken.
  { name: 'black-hole', answer: hang, ports: digPorts },
  { name: 'refuse', answer: reset, ports: closedPorts },
  { name: 'drip', answer: drip },
]

async function digPorts(count: number): Promise<{ ports: readonly number[]; close(): Promise<void> }> {
  const holes = await BlackHoles.dig(count)
  return { ports: holes.ports, close: () => holes.fill() }
}

async function closedPorts(count: number): Promise<{ ports: readonly number[]; close(): Promise<void> }> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return { ports, close: async () => undefined }
}
