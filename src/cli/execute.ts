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
    const told = error instanceof CommanderError ? usageErrorOf(error, argv) : toCliError(error)
    reportError(told, argv.includes('--json'), io)
    return told.exit
  }
}

/** What other tools call `-o DIR`. */
const OUTPUT_ELSEWHERE = /^--(?:out|out-?dir|output-dir|dest|dist)(?==|$)/

/**
 * Commander's messages start with `error: ` and put a suggestion on a second line. What is missing it tells before what it does not
 * know, which may be the same thing by another name.
 */
function usageErrorOf(error: CommanderError, argv: readonly string[]): CliError {
  const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  if (error.code !== 'commander.missingMandatoryOptionValue') return usageError(message)
  const other = argv.map((arg) => OUTPUT_ELSEWHERE.exec(arg)?.[0]).find((name) => name !== undefined)
  return usageError(other === undefined ? message : `${message} (Did you mean -o by ${other}?)`)
}
