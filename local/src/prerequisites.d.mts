export interface FoundPrerequisites {
  node: string
  /** Major version; undefined when there is none. */
  java?: number | undefined
  mvn: boolean
}

export interface NeededPrerequisites {
  /** A broker of our own is started, so Java is needed. */
  kafka: boolean
  /** The jars are not here yet, so Maven is needed. */
  kafkaJars: boolean
}

export const oldestNode: [number, number]
export const oldestJava: number
export function missingPrerequisites(found: FoundPrerequisites, needs: NeededPrerequisites): string[]
export function missingMessage(missing: string[]): string
export function findPrerequisites(needs: NeededPrerequisites): FoundPrerequisites
export function javaCommand(): string
