import { expect, test } from 'vitest'
import { environmentExample, environmentTable } from '#config'
import { accessPage } from './support/access-page.js'
import { egressPage, receiversNetworkPolicy } from './support/egress-documents.js'

// The files are written by this test when it runs with --update, which is what the script does.
const MEND = 'run `npm run docs` and commit what it changes'

const configurationPage = `# Configuration

Every setting is an environment variable. A service reads all of them before it starts, tells every mistake at once and
then ends with exit code 78. Durations are written \`250ms\`, \`10s\`, \`1m\`, \`3h36m\` or \`30d\`; an empty value counts as not
set. This page and \`.env.example\` are generated from \`libs/config\` by \`npm run docs\`.

The three services must agree on the Kafka variables, the database, \`RETRY_SCHEDULE\`, \`DELIVERY_MAX_AGE\` and the
retentions, each as a user of its own ([access.md](access.md)); the API and the dispatcher also on \`DISABLE_AFTER\` and \`DISABLE_AFTER_ATTEMPTS\`. \`SECRETS_KEY\` is for these
two; fan-out never sees a secret and is not given the key.

<!-- prettier-ignore-start -->
${environmentTable()}<!-- prettier-ignore-end -->
`

test.each([
  ['docs/configuration.md', configurationPage],
  ['.env.example', environmentExample()],
  ['docs/access.md', accessPage],
  ['docs/egress.md', egressPage()],
  ['k8s/base/receivers-network-policy.yaml', receiversNetworkPolicy()],
])('%s says what the code reads', async (file, text) => {
  await expect(text, `${file} is out of date: ${MEND}`).toMatchFileSnapshot(`../${file}`)
})
