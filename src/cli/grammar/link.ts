/**
 * `anybpf link`: grammar and help.
 * @module
 */
import type { LinkOptions } from '../commands/link.ts'
import type { GrammarContext } from './grammar.ts'

export function addLink({ program, io, finish }: GrammarContext): void {
  program
    .command('link')
    .summary('link objects into one, statically')
    .description(
      'Links objects into one, as bpftool gen object does: functions, variables and maps that one file declares extern and another defines become the same; sections, types and line info are merged. The result can be linked again.',
    )
    .argument('<files...>', 'objects of one byte order; - for standard input')
    .requiredOption('-o, --output <file>', 'write the object there; - for standard output')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Two strong definitions of a name, or declarations of different types, are an error that names both places. A weak
definition (__weak) gives way to a strong one. What nobody defines stays open: .ksyms and .kconfig for the kernel,
others for the next link. Types are compared where both files have BTF (clang -g).

JSON: { output, bytes, byteOrder, types, sections: [{ name, size, alignment, parts }], symbols: [{ name, kind,
binding, hidden, definedIn, section, inputs }], unresolved, untyped }.

Examples:
  anybpf link firewall.bpf.o parser.bpf.o -o app.o
  anybpf link *.bpf.o -o app.o --json`,
    )
    .action(async (files: string[], options: LinkOptions) => {
      const { linkCommand } = await import('../commands/link.ts')
      finish(await linkCommand(files, options, io))
    })
}
