import { Command, CommanderError } from 'commander'
import { ConfigurationProblems } from '#config'
import { addAccountsCommands } from './accounts-commands.js'
import { addAuditCommand } from './audit/audit-command.js'
import { addCreateTopicsCommand } from './create-topics-command.js'
import { addDeadLettersCommands } from './dead-letters-commands.js'
import { addKeysCommands } from './keys-commands.js'
import { addMigrateCommand } from './migrate-command.js'
import { addRebuildCommand } from './rebuild/rebuild-command.js'
import { addSecretsCommands } from './secrets/secrets-commands.js'

/** EX_CONFIG, as the services themselves end with. */
const WRONG_CONFIGURATION = 78

/**
 * The command line of operators. Ends with exit code 0, 1 when a command failed, 78 when the environment is wrong;
 * answers go to standard output, everything else to standard error.
 */
export async function runAdmin(args: string[]): Promise<void> {
  try {
    await adminProgram().parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = exitCodeFor(error)
    // Commander has said its part already.
    if (error instanceof CommanderError) return
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  }
}

function exitCodeFor(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode
  return error instanceof ConfigurationProblems ? WRONG_CONFIGURATION : 1
}

function adminProgram(): Command {
  const program = new Command('admin')
    .description('Administration of ContextFile webhooks. Every command takes --json, for scripts.')
    .showHelpAfterError('(--help says more)')
    // Thrown instead of ending the process in mid-air: what was opened is closed, what was written gets out.
    .exitOverride()
  addMigrateCommand(program)
  addCreateTopicsCommand(program)
  addAccountsCommands(program)
  addKeysCommands(program)
  addDeadLettersCommands(program)
  addRebuildCommand(program)
  addSecretsCommands(program)
  addAuditCommand(program)
  return program
}
