/**
 * `anybpf btf`: grammar and help of its subcommands.
 * @module
 */
import { addBtfMin } from './btf-min.ts'
import type { GrammarContext } from './grammar.ts'

export function addBtf(context: GrammarContext): void {
  const btf = context.program
    .command('btf')
    .summary('write the part of a kernel’s types that objects need')
    .description('Works on BTF, the types of a BPF object or of a kernel. FILE is an object, or a file of BTF.')
    .addHelpText(
      'after',
      `
Every subcommand takes --json.

Examples:
  anybpf btf min tracer.o --target vmlinux-5.4 -o tracer-5.4.btf`,
    )
  addBtfMin(btf, context)
}
