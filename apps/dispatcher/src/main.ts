import 'reflect-metadata'
import { readDispatcherConfig } from '#config'
import { runService } from '#telemetry'
import { startDispatcher } from './start-dispatcher.js'

await runService(() => startDispatcher(readDispatcherConfig()))
