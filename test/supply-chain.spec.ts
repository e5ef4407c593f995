import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Locked {
  version: string
  integrity?: string
  resolved?: string
  dev?: boolean
  hasInstallScript?: boolean
}

const packageJson = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  allowScripts: Record<string, boolean>
}
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
const { '': _, ...locked } = lock.packages
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

test('every dependency has one exact version, and the lock agrees', () => {
  for (const [name, version] of Object.entries({ ...packageJson.dependencies, ...packageJson.devDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
    expect(locked[`node_modules/${name}`]!.version, name).toBe(version)
  }
})

test('every locked package has a hash, and none says which server it came from', () => {
  for (const [path, { integrity, resolved }] of Object.entries(locked)) {
    expect(integrity, path).toMatch(/^sha512-/)
    expect(resolved, path).toBeUndefined()
  }
})

test('it was decided of every package with an install script whether it may run, and of no other', () => {
  const withScripts = Object.entries(locked).filter(([, { hasInstallScript }]) => hasInstallScript)
  expect(Object.keys(packageJson.allowScripts).sort()).toEqual(withScripts.map(([path]) => nameOf(path)).sort())
  expect(readFileSync('.npmrc', 'utf8')).toMatch(/^strict-allow-scripts=true$/m)
  const installs = [...readFileSync('Dockerfile', 'utf8').matchAll(/npm (ci|install).*/g)].map(([line]) => line)
  for (const install of installs) expect(install).toMatch(/^npm ci --ignore-scripts/)
})

test('the jars of the local Kafka have exact versions', () => {
  const pom = readFileSync('local/pom.xml', 'utf8')
  const versions = [...pom.matchAll(/<(?:[\w.]+\.)?version>([^<$]+)<\//g)].map(([, version]) => version)
  expect(versions.length).toBeGreaterThan(1)
  for (const version of versions) expect(version).toMatch(/^\d+(\.\d+)*$/)
})

test('one command lists every package with its version and hash, and marks those that the image lacks', () => {
  const bill = JSON.parse(execFileSync('npm', ['run', '--silent', 'sbom'], { encoding: 'utf8' })) as {
    bomFormat: string
    components: { name: string; version: string; hashes: unknown[]; properties: { name: string }[] }[]
  }
  expect(bill.bomFormat).toBe('CycloneDX')
  const listed = new Map(bill.components.map((each) => [`${each.name}@${each.version}`, each]))
  for (const [path, { version }] of Object.entries(locked)) {
    expect(listed.get(`${nameOf(path)}@${version}`)?.hashes, path).toHaveLength(1)
  }
  const isMarked = (name: string, version: string) =>
    listed.get(`${name}@${version}`)!.properties.some((property) => property.name === 'cdx:npm:package:development')
  for (const [name, version] of Object.entries(packageJson.dependencies)) expect(isMarked(name, version)).toBe(false)
  expect(isMarked('vitest', packageJson.devDependencies.vitest!)).toBe(true)
})

test('every file that SECURITY.md leads to is there', () => {
  const links = [...readFileSync('SECURITY.md', 'utf8').matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)]
  expect(links.length).toBeGreaterThan(10)
  for (const [, path, heading] of links) {
    expect(existsSync(path!), path).toBe(true)
    if (!heading) continue
    const headings = [...readFileSync(path!, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
      text!.toLowerCase().replaceAll(' ', '-'),
    )
    expect(headings).toContain(heading)
  }
})
