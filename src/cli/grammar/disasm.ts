/**
 * `anybpf disasm`: grammar and help.
 * @module
 */
import { Option } from 'commander'
import type { DisasmOptions } from '../commands/disasm.ts'
import type { GrammarContext } from './grammar.ts'
import { PLATFORM_NAMES } from './values.ts'

export function addDisasm({ program, io, finish }: GrammarContext): void {
  program
    .command('disasm')
    .summary('print instructions as text')
    .description(
      `Prints instructions in the syntax of llvm-objdump and the kernel, with slot numbers, labels, names of maps and functions, and the C source lines that the object carries.`,
    )
    .argument('<file>', 'object, assembler text or instruction bytes; - for standard input')
    .option('-p, --program <name>', 'only this program or function (default: all)')
    .option('--raw', 'FILE holds instruction bytes (binary or as hexadecimal text)')
    .option('--big-endian', 'with --raw: the bytes are big-endian')
    .option('--bytes', 'show the encoded bytes of each instruction')
    .option('--no-source', 'leave out C source lines')
    .option('--plain', 'leave out slot numbers: text of one function that asm takes back')
    .option(
      '--verified',
      'say what the verifier knows before each instruction: of the registers that it reads, on all paths',
    )
    .option('--platform <name>', `with --verified: ${PLATFORM_NAMES} (default: linux; raw for text and bytes)`)
    .addOption(
      new Option('--author <author>', 'with --verified: for whom to judge (default: trusted on linux)').choices([
        'trusted',
        'untrusted',
      ]),
    )
    .option('--type <type>', 'with --verified: program type, where the section does not say')
    .option(
      '--btf <file>',
      "the kernel's types, to which CO-RE relocations are resolved (default: none; with --verified, where needed, the running kernel's)",
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
JSON: { file, byteOrder, functions: [{ name, section, type, insns }] }, where insns has slot, bytes, text, label, source
and reference (what it names: a map, a variable, a function); with --verified also verified: { visits, registers,
rejected }.

Examples:
  anybpf disasm firewall.o --program xdp_firewall
  anybpf disasm firewall.o --verified
  anybpf disasm firewall.o --verified --author untrusted --platform linux:6.1
  anybpf disasm --raw --bytes program.bin
  echo 'b7000000 2a000000 95000000 00000000' | anybpf disasm --raw -`,
    )
    .action(async (file: string, options: DisasmOptions) => {
      const { disasmCommand } = await import('../commands/disasm.ts')
      finish(await disasmCommand(file, options, io))
    })
}
