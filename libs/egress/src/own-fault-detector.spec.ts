import { describe, expect, test } from 'vitest'
import { familyOf, OwnFaultDetector } from './own-fault-detector.js'

const hosts = ['a.one.com', 'b.two.com', 'c.three.org', 'd.four.net', 'e.five.io']

function observeAll(detector: OwnFaultDetector, names: string[], startMs = 0, stepMs = 100): boolean[] {
  return names.map((host, index) => detector.observe('resolver', host, startMs + index * stepMs))
}

test('four unrelated hosts are receivers, the fifth shows that it is us', () => {
  expect(observeAll(new OwnFaultDetector(), hosts)).toEqual([false, false, false, false, true])
})

test('many hosts of one owner are still one receiver', () => {
  const names = Array.from({ length: 50 }, (_, index) => `host${index}.evil.com`)
  expect(observeAll(new OwnFaultDetector(), names)).not.toContain(true)
})

test('failures that lie more than 10 s apart do not add up', () => {
  expect(observeAll(new OwnFaultDetector(), hosts, 0, 2_600)).not.toContain(true)
  expect(observeAll(new OwnFaultDetector(), hosts, 0, 2_500)).toContain(true)
})

test('a host that keeps failing is counted with its latest failure', () => {
  const detector = new OwnFaultDetector()
  detector.observe('resolver', 'a.one.com', 0)
  detector.observe('resolver', 'a.one.com', 9_000)
  expect(observeAll(detector, hosts.slice(1), 12_000)).toEqual([false, false, false, true])
})

test('one success takes all the suspicion away', () => {
  const detector = new OwnFaultDetector()
  observeAll(detector, hosts)
  detector.succeeded('resolver', 'z.other.com', 500)
  expect(detector.observe('resolver', 'f.six.com', 600)).toBe(false)
})

test('resolver and network are judged apart', () => {
  const detector = new OwnFaultDetector()
  observeAll(detector, hosts)
  detector.succeeded('network', 'z.other.com', 500)
  expect(detector.observe('network', 'f.six.com', 600)).toBe(false)
  expect(detector.observe('resolver', 'f.six.com', 600)).toBe(true)
})

describe('what failed before the success of somebody else and fails after it', () => {
  const brokenBeforeAndAfter = () => {
    const detector = new OwnFaultDetector()
    observeAll(detector, hosts)
    detector.succeeded('resolver', 'z.other.com', 500)
    return detector
  }

  test('is broken by itself, however many there are and however often they fail', () => {
    const detector = brokenBeforeAndAfter()
    expect(observeAll(detector, [...hosts, ...hosts], 1_000)).not.toContain(true)
    detector.succeeded('resolver', 'z.other.com', 290_000)
    expect(observeAll(detector, hosts, 300_000)).not.toContain(true)
  })

  test('is ours like everything else when nobody has succeeded for a minute', () => {
    const detector = brokenBeforeAndAfter()
    expect(observeAll(detector, hosts, 30_000)).not.toContain(true)
    expect(observeAll(detector, hosts, 61_000)).toEqual([false, false, false, false, true])
    detector.succeeded('resolver', 'z.other.com', 62_000)
    expect(observeAll(detector, hosts, 63_000)).not.toContain(true)
  })

  test('says nothing of us, while those that only fail now do', () => {
    const detector = brokenBeforeAndAfter()
    const others = ['a.alpha.com', 'b.beta.com', 'c.gamma.org', 'd.delta.net', 'e.epsilon.io']
    expect(observeAll(detector, [...hosts, ...others], 1_000)).toEqual([...Array<boolean>(9).fill(false), true])
  })

  test('is not known for it any more once it has succeeded itself', () => {
    const detector = brokenBeforeAndAfter()
    for (const host of hosts) detector.succeeded('resolver', host, 1_000)
    expect(observeAll(detector, hosts, 2_000)).toContain(true)
  })

  test('is not known for it any more ten minutes after its last failure', () => {
    const detector = brokenBeforeAndAfter()
    detector.succeeded('resolver', 'z.other.com', 600_000)
    expect(observeAll(detector, hosts, 601_000)).toContain(true)
  })
})

describe('the family of a host', () => {
  test.each([
    ['hooks.example.com', 'example.com'],
    ['example.com', 'example.com'],
    ['example.com.', 'example.com'],
    ['a.b.shop.co.uk', 'shop.co.uk'],
    ['h1.a1b.xyz', 'a1b.xyz'],
    ['a.b.io', 'b.io'],
    ['localhost', 'localhost'],
    ['198.51.100.7', '198.51'],
    ['2001:db8:1::1', '2001:db8'],
  ])('of %s is %s', (host, family) => {
    expect(familyOf(host)).toBe(family)
  })
})
