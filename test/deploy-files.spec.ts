import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { oldSpaceMiB } from '../local/src/service-environment.js'
import { ManagementServer, Registry } from '#telemetry'
import {
  type Container,
  type Manifest,
  containersOf,
  environmentOf,
  manifest,
  renderKustomization,
  workloads,
} from './support/manifests.js'
import {
  SECRET_VARIABLES,
  type ServiceName,
  commandNames,
  configOf,
  environmentProblems,
  serviceNames,
  standIn,
  unknownVariables,
} from './support/service-environments.js'

/** What a service may take between SIGTERM and its end. */
const DRAIN_SECONDS = 30

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

const well = () => null
const management = new ManagementServer(new Registry(), { live: well, ready: well, started: well })
beforeAll(() => management.listen(0))
afterAll(() => management.close())

const deploymentOf = (manifests: Manifest[], service: ServiceName) => manifest(manifests, 'Deployment', service)
const mainContainer = (manifests: Manifest[], service: ServiceName) =>
  deploymentOf(manifests, service).spec.template.spec.containers[0]!
const environmentIn = (manifests: Manifest[], container: Container) => environmentOf(container, manifests, standIn)

describe.each(['k8s/base', 'k8s/overlays/example'])('%s', (folder) => {
  const manifests = renderKustomization(folder)

  test('runs the three services and one setup job, of the release that package.json names', () => {
    expect(
      workloads(manifests)
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
        .sort(),
    ).toEqual(['Deployment api', 'Deployment dispatcher', 'Deployment fanout', `Job setup-${dashed(version)}`])
    const images = workloads(manifests).flatMap(({ spec }) => containersOf(spec.template).map(({ image }) => image))
    for (const image of images) expect(image).toMatch(new RegExp(`(^|/)contextfile-webhooks:${version}$`))
  })

  test.each(serviceNames)('%s can start with what it is given, and is given nothing else', (service) => {
    const environment = environmentIn(manifests, mainContainer(manifests, service))
    expect(environmentProblems(service, environment)).toEqual([])
  })

  test('the setup job migrates, then creates the topics, each with what it needs and nothing else', () => {
    const { spec } = manifests.find(({ kind }) => kind === 'Job')!.spec.template
    expect(spec.initContainers).toHaveLength(1)
    expect(spec.containers).toHaveLength(1)
    for (const [index, container] of [...spec.initContainers!, ...spec.containers].entries()) {
      const command = commandNames[index]!
      expect(container.command.slice(2)).toEqual(['admin', command])
      const source = `apps/api/src/admin/${command}-command.ts`
      expect(readFileSync(source, 'utf8')).toContain(`.command('${command}')`)
      expect(environmentProblems(command, environmentIn(manifests, container))).toEqual([])
    }
  })

  test('fan-out never sees the key to the secrets', () => {
    expect(environmentIn(manifests, mainContainer(manifests, 'fanout'))).not.toHaveProperty('SECRETS_KEY')
  })

  test('every variable is one that the code reads, and secrets come by reference only', () => {
    for (const container of allContainers(manifests)) {
      expect(unknownVariables(environmentIn(manifests, container)), container.name).toEqual([])
    }
    expect(secretsInTheOpen(manifests)).toEqual([])
  })

  test('every command starts a file that the build makes of a source that exists', () => {
    for (const { command } of allContainers(manifests)) {
      const [, app] = /^dist\/(apps\/\w+\/src\/main)\.js$/.exec(command[1] ?? '') ?? []
      expect(command[0]).toBe('node')
      expect(existsSync(`${app}.ts`), command.join(' ')).toBe(true)
    }
  })

  test.each(serviceNames)('%s is probed and scraped where its management server answers', async (service) => {
    const { metadata } = deploymentOf(manifests, service).spec.template
    const container = mainContainer(manifests, service)
    const { managementPort } = configOf(service, environmentIn(manifests, container))
    expect(container.ports).toContainEqual({ name: 'management', containerPort: managementPort })
    expect(metadata.annotations?.['prometheus.io/port']).toBe(String(managementPort))

    const { startupProbe, livenessProbe, readinessProbe } = container
    const probes = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe!.httpGet)
    expect(probes.map(({ path }) => path)).toEqual(['/health/started', '/health/live', '/health/ready'])
    for (const { port } of probes) expect(port).toBe('management')
    for (const path of [...probes.map(({ path }) => path), metadata.annotations!['prometheus.io/path']!]) {
      expect((await fetch(`http://127.0.0.1:${management.port}${path}`)).status, path).toBe(200)
    }
  })

  test("the API's Service leads to the port that it listens on", () => {
    const container = mainContainer(manifests, 'api')
    const { port } = configOf('api', environmentIn(manifests, container)) as { port?: number }
    expect(container.ports).toContainEqual({ name: 'http', containerPort: port })
    expect(manifest(manifests, 'Service', 'api').spec.ports).toEqual([{ name: 'http', port: 80, targetPort: 'http' }])
  })

  test.each(serviceNames)('%s has time to drain before it is killed', (service) => {
    expect(secondsAfterDrain(manifests, service)).toBeGreaterThanOrEqual(5)
  })

  test.each(serviceNames)('%s loses one pod at a time, and its pods are spread', (service) => {
    const { spec } = deploymentOf(manifests, service)
    const budget = manifest(manifests, 'PodDisruptionBudget', service)
    const constraints = spec.template.spec.topologySpreadConstraints!
    expect(spec.replicas).toBeGreaterThanOrEqual(2)
    expect(budget.spec.maxUnavailable).toBe(1)
    for (const selector of [spec.selector, budget.spec.selector, ...constraints.map((each) => each.labelSelector)]) {
      expect(spec.template.metadata.labels).toMatchObject(selector.matchLabels)
      expect(selector.matchLabels).toEqual({ 'app.kubernetes.io/name': service })
    }
    expect(constraints).toHaveLength(2)
  })

  test.each(serviceNames)('the heap of %s is 70 %% of its memory, here and in a local stack', (service) => {
    const { resources, env } = mainContainer(manifests, service)
    const options = env?.find(({ name }) => name === 'NODE_OPTIONS')?.value
    const [, heap] = /^--max-old-space-size=(\d+)$/.exec(options ?? '') ?? []
    expect(Number(heap)).toBe(Math.floor(0.7 * Number(/^(\d+)Mi$/.exec(resources.limits.memory!)![1])))
    expect(oldSpaceMiB[service]).toBe(Number(heap))
  })

  test('every container keeps to the restricted profile, and the namespace enforces it', () => {
    expect(securityProblems(manifests)).toEqual([])
    expect(manifest(manifests, 'Namespace', 'webhooks').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    })
    for (const { kind, metadata } of manifests) {
      if (kind !== 'Namespace') expect(metadata.namespace, metadata.name).toBe('webhooks')
    }
  })

  test('memory is what was asked for, and no CPU limit throttles a deadline', () => {
    for (const { name, resources } of allContainers(manifests)) {
      expect(resources.limits, name).toEqual({ memory: resources.requests.memory })
      expect(resources.requests.cpu, name).toMatch(/^\d+m?$/)
    }
  })
})

describe('the checks can fail', () => {
  const changed = (change: (manifests: Manifest[]) => void): Manifest[] => {
    const manifests = renderKustomization('k8s/base')
    change(manifests)
    return manifests
  }
  const problemsOf = (manifests: Manifest[], service: ServiceName) =>
    environmentProblems(service, environmentIn(manifests, mainContainer(manifests, service)))

  test('a variable that is missing, misspelt or given to the wrong service is found', () => {
    const manifests = changed((each) => {
      const reference = (name: string) => ({ name, valueFrom: { secretKeyRef: { name: 'fanout', key: name } } })
      mainContainer(each, 'fanout').env!.push(reference('SECRETS_KEY'), reference('DATABASE_ULR'))
      const api = mainContainer(each, 'api')
      api.env = api.env!.filter(({ name }) => name !== 'SECRETS_KEY')
    })
    expect(problemsOf(manifests, 'fanout')).toEqual([
      'fanout is given SECRETS_KEY, which it does not read',
      'fanout is given DATABASE_ULR, which it does not read',
    ])
    expect(problemsOf(manifests, 'api')).toEqual([expect.stringMatching(/^SECRETS_KEY is not set/)])
    expect(unknownVariables(environmentIn(manifests, mainContainer(manifests, 'fanout')))).toEqual(['DATABASE_ULR'])
  })

  test('a secret written into a manifest is found', () => {
    const manifests = changed((each) => {
      mainContainer(each, 'dispatcher').env!.find(({ name }) => name === 'SECRETS_KEY')!.value = 'c2VjcmV0'
      each.find(({ kind }) => kind === 'ConfigMap')!.data.SMTP_URL = 'smtp://user:secret@mail'
    })
    expect(secretsInTheOpen(manifests)).toEqual(['SMTP_URL', 'SECRETS_KEY'])
  })

  test('a container that is less than restricted is found', () => {
    const manifests = changed((each) => {
      mainContainer(each, 'api').securityContext = {}
      delete each.find(({ kind }) => kind === 'Job')!.spec.template.spec.securityContext.runAsNonRoot
      deploymentOf(each, 'fanout').spec.template.spec.enableServiceLinks = true
    })
    expect(securityProblems(manifests)).toEqual([
      'api: its container is not confined',
      'fanout: sees the services of its namespace as variables',
      `setup-${dashed(version)}: may run as root`,
    ])
  })

  test('a grace period that is shorter than the drain is found', () => {
    const manifests = changed((each) => {
      deploymentOf(each, 'dispatcher').spec.template.spec.terminationGracePeriodSeconds = 30
    })
    expect(secondsAfterDrain(manifests, 'dispatcher')).toBeLessThan(0)
  })
})

function allContainers(manifests: Manifest[]): Container[] {
  return workloads(manifests).flatMap(({ spec }) => containersOf(spec.template))
}

function secretsInTheOpen(manifests: Manifest[]): string[] {
  const inMaps = manifests.filter(({ kind }) => kind === 'ConfigMap').flatMap(({ data }) => Object.keys(data))
  const inContainers = allContainers(manifests).flatMap(({ env = [] }) =>
    env.filter(({ value }) => value !== undefined).map(({ name }) => name),
  )
  return [...inMaps, ...inContainers].filter((name) => SECRET_VARIABLES.some((secret) => secret === name))
}

function secondsAfterDrain(manifests: Manifest[], service: ServiceName): number {
  const { terminationGracePeriodSeconds = 30 } = deploymentOf(manifests, service).spec.template.spec
  const [program, seconds] = mainContainer(manifests, service).lifecycle!.preStop.exec.command
  expect(program).toBe('sleep')
  return terminationGracePeriodSeconds - Number(seconds) - DRAIN_SECONDS
}

function securityProblems(manifests: Manifest[]): string[] {
  return workloads(manifests).flatMap(({ metadata, spec: { template } }) => {
    const { securityContext, automountServiceAccountToken, enableServiceLinks } = template.spec
    const isConfined = containersOf(template).every(
      ({ securityContext: each }) =>
        each.allowPrivilegeEscalation === false &&
        each.readOnlyRootFilesystem === true &&
        each.capabilities?.drop.includes('ALL') === true,
    )
    const problems = [
      securityContext.runAsNonRoot !== true && 'may run as root',
      // A name in the image says nothing to the kubelet, which wants to see a number.
      !securityContext.runAsUser && 'has no numbered user',
      securityContext.seccompProfile?.type !== 'RuntimeDefault' && 'has no seccomp profile',
      automountServiceAccountToken !== false && "has a token to the cluster's API",
      enableServiceLinks !== false && 'sees the services of its namespace as variables',
      !isConfined && 'its container is not confined',
    ]
    return problems.filter((problem) => problem !== false).map((problem) => `${metadata.name}: ${problem}`)
  })
}

function dashed(release: string): string {
  return release.replaceAll('.', '-')
}
