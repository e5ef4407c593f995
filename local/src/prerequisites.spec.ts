import { describe, expect, it } from 'vitest'
import { missingMessage, missingPrerequisites } from './prerequisites.mjs'

const firstStart = { kafka: true, kafkaJars: true }

describe('missing prerequisites', () => {
  it('are all named at once, each with the line that installs it', () => {
    const message = missingMessage(missingPrerequisites({ node: 'v18.20.1', mvn: false }, firstStart))
    expect(message).toMatch(/Node 20\.19 .*v18\.20\.1.*nvm install/)
    expect(message).toMatch(/Java 17 .*(apt-get install|brew install).*17/)
    expect(message).toMatch(/Maven.*(apt-get install -y|brew install) maven/)
  })

  it('are none on a machine that has everything, exactly at the oldest versions', () => {
    expect(missingPrerequisites({ node: 'v20.19.0', java: 17, mvn: true }, firstStart)).toEqual([])
    expect(missingPrerequisites({ node: 'v24.0.0', java: 21, mvn: true }, firstStart)).toEqual([])
  })

  it('name a version that is too old', () => {
    const missing = missingPrerequisites({ node: 'v20.18.3', java: 11, mvn: true }, firstStart)
    expect(missing).toHaveLength(2)
    expect(missing.join()).toMatch(/found 11/)
  })

  it('do not include Maven once the jars are here, nor Java when the broker is somebody else’s', () => {
    const found = { node: 'v20.19.0', mvn: false }
    expect(missingPrerequisites({ ...found, java: 17 }, { kafka: true, kafkaJars: false })).toEqual([])
    expect(missingPrerequisites(found, { kafka: false, kafkaJars: false })).toEqual([])
  })
})
