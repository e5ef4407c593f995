/** One environment variable: how it is read, what it is when absent, and the sentence that documents it. */
export interface Variable<T> {
  name: string
  /** Text as an operator would write it; undefined: none, and `parse` is not called. */
  fallback?: string
  describe: string
  /** @throws {Error} whose message says how to write the value */
  parse(text: string): T
}

/** All that is wrong with an environment, so that a deployment is mended once and not once per variable. */
export class ConfigurationProblems extends Error {
  override name = 'ConfigurationProblems'
  constructor(readonly problems: string[]) {
    super(`The configuration has ${problems.length} problem(s):\n${problems.map((p) => `  - ${p}`).join('\n')}`)
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads variables one by one and remembers every problem; `done()` reports all of them at once. */
export class EnvironmentReader {
  readonly #problems: string[] = []

  constructor(private readonly environment: Environment) {}

  optional<T>(variable: Variable<T>): T | undefined {
    // An empty value is how a shell or a manifest says "not set".
    const text = this.environment[variable.name] || variable.fallback
    if (text === undefined) return undefined
    try {
      return variable.parse(text)
    } catch (error) {
      this.problem(`${variable.name}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }

  /** Where the value is missing or wrong the answer is not to be used: `done()` throws before anything can. */
  required<T>(variable: Variable<T>): T {
    const before = this.#problems.length
    const value = this.optional(variable)
    if (value === undefined && this.#problems.length === before) {
      this.problem(`${variable.name} is not set: ${variable.describe}`)
    }
    return value as T
  }

  /** By its operator, rightly or wrongly; a default does not count. */
  isSet(name: string): boolean {
    return Boolean(this.environment[name])
  }

  problem(text: string): void {
    this.#problems.push(text)
  }

  /** For checks across variables, which make sense only when each was right. */
  get hasProblems(): boolean {
    return this.#problems.length > 0
  }

  /** @throws {ConfigurationProblems} */
  done(): void {
    if (this.hasProblems) throw new ConfigurationProblems(this.#problems)
  }
}
