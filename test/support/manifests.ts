import { execFileSync } from 'node:child_process'
import { parseAllDocuments } from 'yaml'

export interface Probe {
  httpGet: { path: string; port: string | number }
}

export interface Container {
  name: string
  image: string
  command: string[]
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[]
  envFrom?: { configMapRef: { name: string } }[]
  ports?: { name: string; containerPort: number }[]
  resources: { requests: Record<string, string>; limits: Record<string, string> }
  securityContext: {
    allowPrivilegeEscalation?: boolean
    readOnlyRootFilesystem?: boolean
    capabilities?: { drop: string[] }
  }
  startupProbe?: Probe
  livenessProbe?: Probe
  readinessProbe?: Probe
  lifecycle?: { preStop: { exec: { command: string[] } } }
}

export interface PodTemplate {
  metadata: { labels: Record<string, string>; annotations?: Record<string, string> }
  spec: {
    automountServiceAccountToken?: boolean
    enableServiceLinks?: boolean
    terminationGracePeriodSeconds?: number
    securityContext: { runAsNonRoot?: boolean; runAsUser?: number; seccompProfile?: { type: string } }
    topologySpreadConstraints?: { labelSelector: { matchLabels: Record<string, string> } }[]
    initContainers?: Container[]
    containers: Container[]
  }
}

/** What the checks look at, of whatever kind; the fields that a kind does not have are not asked for. */
export interface Manifest {
  kind: string
  metadata: { name: string; namespace?: string; labels: Record<string, string> }
  data: Record<string, string>
  spec: {
    replicas: number
    selector: { matchLabels: Record<string, string> }
    template: PodTemplate
    maxUnavailable: number
    ports: { port: number; targetPort: string }[]
  }
}

/**
 * The manifests of a kustomization, as the cluster would get them.
 *
 * @throws with the line that installs kubectl where it is missing
 */
export function renderKustomization(folder: string): Manifest[] {
  let text: string
  try {
    text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    // Debian 12's kubernetes-client is too old: its kustomize knows no `labels`.
    throw new Error(
      'kubectl 1.24 or newer is missing. Install it with:  curl -fsSLo /usr/local/bin/kubectl ' +
        'https://dl.k8s.io/release/v1.32.4/bin/linux/amd64/kubectl && chmod +x /usr/local/bin/kubectl',
    )
  }
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest)
}

export function manifest(manifests: Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name)
  if (!found) throw new Error(`there is no ${kind} ${name}`)
  return found
}

/** Everything that runs pods. */
export function workloads(manifests: Manifest[]): Manifest[] {
  return manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
}

export function containersOf({ spec }: PodTemplate): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}

/** The environment that a container would see, with `secretValue` standing in for what its secrets hold. */
export function environmentOf(
  container: Container,
  manifests: Manifest[],
  secretValue: (name: string) => string,
): Record<string, string> {
  const maps = (container.envFrom ?? []).map(({ configMapRef }) => manifest(manifests, 'ConfigMap', configMapRef.name))
  const own = (container.env ?? []).map(({ name, value }) => [name, value ?? secretValue(name)] as const)
  return Object.assign({}, ...maps.map(({ data }) => data), Object.fromEntries(own)) as Record<string, string>
}
