// The arrows of README.md, checked: apps -> adapters -> domain and signing, never back, never sideways.
const libraryOwners = [
  ['kafkajs', 'libs/kafka'],
  ['undici', 'libs/egress'],
  ['ipaddr.js', 'libs/egress'],
  ['(typeorm|pg)', 'libs/postgres'],
  ['nodemailer', 'apps/api/src/notifications'],
  ['(pino|pino-pretty|prom-client)', 'libs/telemetry'],
  ['@opentelemetry/api', 'libs/telemetry/src/tracing'],
]

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-libs-import-nothing',
      comment: 'domain and signing are decisions over plain data: no Nest, no I/O, of Node only crypto',
      severity: 'error',
      from: { path: '^libs/(domain|signing)/', pathNot: 'spec\\.ts$' },
      to: { pathNot: ['^libs/(domain|signing)/', '^(node:)?crypto$'] },
    },
    {
      name: 'domain-imports-only-itself',
      severity: 'error',
      from: { path: '^libs/domain/', pathNot: 'spec\\.ts$' },
      to: { path: '^libs/signing/' },
    },
    {
      name: 'topics-imports-domain-only',
      severity: 'error',
      from: { path: '^libs/topics/', pathNot: 'spec\\.ts$' },
      to: { path: '^(libs|apps|local)/', pathNot: '^libs/(topics|domain)/' },
    },
    {
      name: 'kafka-and-egress-know-no-webhooks',
      severity: 'error',
      from: { path: '^libs/(kafka|egress)/', pathNot: 'spec\\.ts$' },
      to: { path: '^(libs|apps|local)/', pathNot: '^libs/(kafka|egress|telemetry)/' },
    },
    {
      name: 'libs-import-no-app',
      severity: 'error',
      from: { path: '^libs/', pathNot: 'spec\\.ts$' },
      to: { path: '^(apps|test|bench|local)/' },
    },
    {
      name: 'no-app-imports-another',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/([^/]+)/', pathNot: '^apps/$1/' },
    },
    {
      name: 'product-imports-no-test',
      severity: 'error',
      from: { path: '^(apps|libs|local)/', pathNot: 'spec\\.ts$' },
      to: { path: '^(test|bench)/' },
    },
    ...libraryOwners.map(([library, owner]) => ({
      name: `only-${owner.replaceAll('/', '-')}-imports-${library.replace(/[^a-z]+/g, '-')}`,
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: [`^${owner}[/.]`, 'spec\\.ts$'] },
      to: { path: `node_modules/${library}/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
}
