import 'reflect-metadata'
import { readFanoutConfig } from '#config'
import { runService } from '#telemetry'
import { startFanout } from './start-fanout.js'

await runService(() => startFanout(readFanoutConfig()))
