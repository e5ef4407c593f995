import { existsSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { serviceNames } from './support/service-environments.js'

const dockerfile = readFileSync('Dockerfile', 'utf8')
const packageJson = JSON.parse(readFileSync('package.json', 'utf8')) as {
  imports: Record<string, { source: string }>
  dependencies: Record<string, string>
}
const finalStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))

test('what the build copies is let in by .dockerignore, and exists', () => {
  const letIn = [...readFileSync('.dockerignore', 'utf8').matchAll(/^!(.+)$/gm)].map(([, path]) => path)
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
  expect(copied.length).toBeGreaterThan(4)
  for (const source of copied) {
    expect(letIn, source).toContain(source)
    expect(existsSync(source), source).toBe(true)
  }
})

test('every stage is built from the same exact version of Node', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
  expect(new Set(bases).size).toBe(1)
  expect(bases[0]).toMatch(/^node:24\.\d+\.\d+-slim$/)
})

test('what runs is not root, and is named by number for the kubelet', () => {
  const [, user] = /^USER (\d+):\d+$/m.exec(finalStage) ?? []
  expect(Number(user)).toBeGreaterThan(0)
})

test('the image holds what package.json leads Node to', () => {
  expect(finalStage).toMatch(/^COPY package\.json \.\/$/m)
  expect(finalStage).toMatch(/^COPY --from=build \/app\/dist dist$/m)
})

test('everything that the services import is a production dependency or a library of ours', () => {
  const imports = serviceNames.flatMap((service) => outsideImports(`apps/${service}/src/main.ts`))
  expect(imports.map(({ name }) => name)).toContain('kafkajs')
  for (const { name, by } of imports) {
    expect(Object.keys(packageJson.dependencies), `${name}, imported by ${by}`).toContain(name)
  }
})

/** Loaded by libraries when they are there: what `@nestjs/swagger` shows its pages with. */
const FOR_LIBRARIES = ['@fastify/static']

test('every production dependency is imported by a service', () => {
  const imported = serviceNames
    .flatMap((service) => outsideImports(`apps/${service}/src/main.ts`))
    .map(({ name }) => name)
  const idle = Object.keys(packageJson.dependencies).filter((name) => !imported.includes(name))
  expect(idle).toEqual(FOR_LIBRARIES)
})

/** The packages that a source file and everything behind it import. */
function outsideImports(entry: string, seen = new Set<string>()): { name: string; by: string }[] {
  if (seen.has(entry)) return []
  seen.add(entry)
  const specifiers = readFileSync(entry, 'utf8').matchAll(/(?:^import |\bfrom |\bimport\()'([^']+)'/gm)
  return [...specifiers].flatMap(([, specifier = '']) => {
    if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return []
    if (specifier.startsWith('.')) {
      return outsideImports(join(dirname(entry), specifier).replace(/\.js$/, '.ts'), seen)
    }
    const library = packageJson.imports[specifier]
    return library ? outsideImports(library.source, seen) : [{ name: packageOf(specifier), by: entry }]
  })
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}
