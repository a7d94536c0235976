/**
 * From an argument list to an exit status: parses, runs one command, and tells whatever goes wrong.
 * @module
 */
import { CommanderError } from 'commander'
import { type CliError, EXIT, reportError, toCliError, usageError } from './errors.ts'
import { createGrammar } from './grammar/grammar.ts'
import type { CliIo } from './streams.ts'

/** Runs `anybpf` with these arguments (without the two that Node puts first). Never throws. */
export async function execute(argv: readonly string[], io: CliIo, version = '0.0.0-source'): Promise<number> {
  let status: number = EXIT.ok
  try {
    const grammar = createGrammar(io, version, (result) => {
      status = result
    })
    await grammar.parseAsync([...argv], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version were printed where they belong; asking for them is no error, leaving out the command is.
      if (error.exitCode === 0) return EXIT.ok
      if (error.code === 'commander.help') return EXIT.usage
    }
    const told = error instanceof CommanderError ? usageErrorOf(error) : toCliError(error)
    reportError(told, argv.includes('--json'), io)
    return told.exit
  }
}

/** Commander's messages start with `error: ` and put a suggestion on a second line. */
function usageErrorOf(error: CommanderError): CliError {
  return usageError(error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' '))
}
