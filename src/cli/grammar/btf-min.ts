/**
 * `anybpf btf min`: grammar and help.
 * @module
 */
import type { Command } from 'commander'
import type { BtfMinOptions } from '../commands/btf-min.ts'
import type { GrammarContext } from './grammar.ts'

export function addBtfMin(btf: Command, { io, finish }: GrammarContext): void {
  btf
    .command('min')
    .summary('write the part of a kernel’s types that objects need')
    .description(
      `Writes the part of a kernel's types that the CO-RE relocations of the given objects look at: a few kilobytes, to be shipped with them for kernels that do not show their types. Every relocation comes to the same with it as with the whole, but for ids of types.`,
    )
    .argument('<file...>', 'objects; - for standard input')
    .option('--target <file>', "the kernel's types, BTF or ELF (default: those of the running kernel)")
    .requiredOption('-o, --output <file>', 'BTF file to write; - for standard output')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
JSON: { target, output, bytes, types, relocations: { relocated, poisoned, failed } }.

Examples:
  anybpf btf min tracer.o --target vmlinux-5.4 -o tracer-5.4.btf
  anybpf verify tracer.o --btf tracer-5.4.btf`,
    )
    .action(async (files: string[], options: BtfMinOptions) => {
      const { btfMinCommand } = await import('../commands/btf-min.ts')
      finish(await btfMinCommand(files, options, io))
    })
}
