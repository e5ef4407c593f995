// A worker whose runner is gone (killed, or out of memory) would go on with its test for minutes, servers and all: what it
// has started ends with it, see `process-guard.ts`.
process.once('disconnect', () => process.exit(1))
