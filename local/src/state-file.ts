import { randomBytes } from 'node:crypto'
import { readJson, writePrivateJson } from './private-file.js'

/** What makes a later start the same as the first: secrets, so the file is its owner's alone. */
export interface LocalState {
  /** For SECRETS_KEY, 32 bytes base64. Without it the secrets in the database can never be read again. */
  secrets_key: string
  account?: { id: string; api_key: string; producer_key: string }
  sample_webhook?: { id: string; secret: string }
  /** What the running stack's services were started with, as far as `npm run admin` needs it; not kept beyond its stop. */
  admin_environment?: Record<string, string>
  ports: { kafka?: number; postgres?: number; receiver?: number }
}

export function readState(file: string): LocalState {
  const kept = readJson(file) as Partial<LocalState> | undefined
  return { ...kept, secrets_key: kept?.secrets_key ?? randomBytes(32).toString('base64'), ports: kept?.ports ?? {} }
}

export function writeState(file: string, state: LocalState): Promise<void> {
  return writePrivateJson(file, state)
}
