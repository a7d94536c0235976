/**
 * `anybpf inspect`: grammar and help.
 * @module
 */
import type { InspectOptions } from '../commands/inspect.ts'
import type { GrammarContext } from './grammar.ts'

export function addInspect({ program, io, finish }: GrammarContext): void {
  program
    .command('inspect')
    .summary('say what is in an object')
    .description('Says what is in a compiled BPF object: programs, maps, globals, externs, sections, relocations, BTF.')
    .argument('<file>', 'object file; - for standard input')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
JSON: { file, byteOrder, license, kernelVersion, conformanceGroups, programs, functions, maps, globals, externs,
sections, relocations, btf }.

Examples:
  anybpf inspect firewall.o
  anybpf inspect firewall.o --json | jq '.maps[] | .name'`,
    )
    .action(async (file: string, options: InspectOptions) => {
      const { inspectCommand } = await import('../commands/inspect.ts')
      finish(await inspectCommand(file, options, io))
    })
}
