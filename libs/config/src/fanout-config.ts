import { EnvironmentReader, type Environment } from './environment.js'
import { type PipelineConfig, readPipelineConfig } from './pipeline-config.js'

/** Fan-out needs nothing of its own; above all it has no key to the secrets. */
export type FanoutConfig = PipelineConfig

/** @throws {ConfigurationProblems} that lists everything that is wrong */
export function readFanoutConfig(environment: Environment = process.env): FanoutConfig {
  const reader = new EnvironmentReader(environment)
  const config = readPipelineConfig(reader, 9465)
  reader.done()
  return config
}
