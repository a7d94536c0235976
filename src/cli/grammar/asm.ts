/**
 * `anybpf asm`: grammar and help.
 * @module
 */
import { Option } from 'commander'
import type { AsmOptions } from '../commands/asm.ts'
import type { GrammarContext } from './grammar.ts'

export function addAsm({ program, io, finish }: GrammarContext): void {
  program
    .command('asm')
    .summary('assemble text into instruction bytes, or an object')
    .description('Assembles text: the syntax that disasm prints, with labels, or the one of the conformance suite.')
    .argument('<file>', 'assembler text; - for standard input')
    .option(
      '-o, --output <file>',
      'write instruction bytes there, or an object if it ends in .o (default: standard output)',
    )
    .option('--section <name>', 'of an object: what the program is, as libbpf names it: xdp, tc, kprobe/do_unlinkat')
    .option('--name <name>', "of an object: the program's name (default: prog)")
    .option('--license <text>', 'of an object: its licence (default: GPL)')
    .option('--hex', 'hexadecimal text, eight bytes a line (default where standard output is a terminal)')
    .option('--big-endian', 'encode for big-endian machines')
    .addOption(
      new Option('--syntax <syntax>', 'kernel: r1 += 2; conformance: add %r1, 2 (default: both)').choices([
        'kernel',
        'conformance',
      ]),
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
An object has the program in its section, what it calls (call pc+N, or a label) in .text, and no maps: text has no way
to declare any. libbpf loads it.

JSON: { slots, bytes, hex, conformanceGroups }; hex has the instructions unless they went to a file.

Examples:
  anybpf asm program.s -o program.bin
  anybpf asm program.s -o program.o --section xdp
  echo 'r0 = 1; exit' | anybpf asm - --hex
  echo 'mov %r0, 1
  exit' | anybpf asm - --syntax conformance --hex`,
    )
    .action(async (file: string, options: AsmOptions) => {
      const { asmCommand } = await import('../commands/asm.ts')
      finish(await asmCommand(file, options, io))
    })
}
