#!/usr/bin/env node
/**
 * The `anybpf` executable. The version is answered before anything else is loaded; all the rest is a chunk away.
 * @module
 */

declare const ANYBPF_VERSION: string | undefined

/** Put in by `scripts/build-executables.mjs`, so that asking for it reads no other file. */
const VERSION = typeof ANYBPF_VERSION === 'string' ? ANYBPF_VERSION : '0.0.0-source'

const argv = process.argv.slice(2)
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.write(`${VERSION}\n`)
} else {
  const [{ execute }, { processIo, watchOutput }] = await Promise.all([import('./execute.ts'), import('./streams.ts')])
  watchOutput()
  process.exitCode = await execute(argv, processIo(), VERSION)
}
