import { expect, it } from 'vitest'
import { Registry } from '#telemetry'
import { DispatchMetrics } from './dispatch-metrics.js'

async function samplesAtStart(name: string): Promise<string[]> {
  const registry = new Registry()
  new DispatchMetrics(registry)
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => line.startsWith(`${name}{`)).map((line) => line.slice(name.length))
}

it('begins with a zero for each cause of a fault of ours', async () => {
  expect(await samplesAtStart('webhooks_own_faults_total')).toEqual([
    '{cause="file_descriptors"} 0',
    '{cause="buffers"} 0',
    '{cause="memory"} 0',
    '{cause="ports"} 0',
    '{cause="resolver"} 0',
    '{cause="network"} 0',
    '{cause="sealed_secret"} 0',
  ])
})

it('begins with a zero for each end, and for each outcome with the reasons that it can have', async () => {
  expect(await samplesAtStart('webhooks_chains_ended_total')).toEqual([
    '{end="delivered"} 0',
    '{end="exhausted"} 0',
    '{end="gone"} 0',
    '{end="expired"} 0',
    '{end="cancelled"} 0',
  ])
  expect(await samplesAtStart('webhooks_attempts_total')).toEqual([
    '{outcome="succeeded",reason=""} 0',
    '{outcome="refused",reason="gone"} 0',
    '{outcome="failed",reason="timeout"} 0',
    '{outcome="failed",reason="dns"} 0',
    '{outcome="failed",reason="connect"} 0',
    '{outcome="failed",reason="tls"} 0',
    '{outcome="failed",reason="tls_expired"} 0',
    '{outcome="failed",reason="tls_untrusted"} 0',
    '{outcome="failed",reason="tls_wrong_host"} 0',
    '{outcome="failed",reason="connection_lost"} 0',
    '{outcome="failed",reason="address_denied"} 0',
    '{outcome="failed",reason="protocol"} 0',
    '{outcome="failed",reason="http_status"} 0',
  ])
})
