import { NAMES, VARIABLES } from './variables.js'

/** The table of docs/configuration.md, generated, so that it cannot say anything else than the code does. */
export function environmentTable(): string {
  const rows = NAMES.map((name) => {
    const { fallback, describe } = VARIABLES[name]
    return `| \`${name}\` | ${fallback ? `\`${fallback}\`` : ''} | ${describe} |`
  })
  return ['| name | default | |', '|---|---|---|', ...rows, ''].join('\n')
}

/** `.env.example`, generated: every variable with its sentence; those without a default are commented out. */
export function environmentExample(): string {
  return NAMES.map((name) => {
    const { fallback, describe } = VARIABLES[name]
    return `# ${describe}\n${fallback === undefined || fallback === '' ? '# ' : ''}${name}=${fallback ?? ''}\n`
  }).join('\n')
}
