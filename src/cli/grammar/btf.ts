/**
 * `anybpf btf`: grammar and help of its subcommands.
 * @module
 */
import { Option } from 'commander'
import type { BtfDiffCommandOptions, BtfDumpOptions } from '../commands/btf.ts'
import { addBtfMin } from './btf-min.ts'
import type { GrammarContext } from './grammar.ts'
import { collect } from './values.ts'

export function addBtf(context: GrammarContext): void {
  const { program, io, finish } = context
  const btf = program
    .command('btf')
    .summary('print, convert, compare and minimise types')
    .description('Works on BTF, the types of a BPF object or of a kernel. FILE is an object, or a file of BTF.')
    .addHelpText(
      'after',
      `
Every subcommand takes --json.

Examples:
  anybpf btf dump firewall.o --format c
  anybpf btf diff old.o new.o
  anybpf btf min tracer.o --target vmlinux-5.4 -o tracer-5.4.btf`,
    )
  btf
    .command('dump')
    .summary('print types as text, C, TypeScript or JSON')
    .description(
      'Prints types. The C header defines each type after what it needs, and a compiler for BPF gives it the same sizes\n' +
        'and offsets. The TypeScript types are those of the values that anybpf makes of maps, events and globals.',
    )
    .argument('<file>', 'object, or file of BTF such as /sys/kernel/btf/vmlinux; - for standard input')
    .addOption(
      new Option('-f, --format <format>', 'what to print').choices(['raw', 'c', 'ts', 'json']).default('raw', 'raw'),
    )
    .option('-t, --type <name>', 'only types of this name, and all that they need (can be repeated)', collect)
    .option('--base <file>', 'the BTF that FILE extends (split BTF of a kernel module)')
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      `
JSON: { byteOrder, types: [{ kind, id, name, … }] }; docs/btf.md has the fields of each kind.

Examples:
  anybpf btf dump firewall.o
  anybpf btf dump /sys/kernel/btf/vmlinux --format c > vmlinux.h
  anybpf btf dump /sys/kernel/btf/vmlinux --format ts --type task_struct`,
    )
    .action(async (file: string, options: BtfDumpOptions) => {
      const { btfDumpCommand } = await import('../commands/btf.ts')
      finish(await btfDumpCommand(file, options, io))
    })
  btf
    .command('diff')
    .summary('say what changed between two sets of types')
    .description(
      'Says which structs, unions, enums, typedefs, functions and variables came (+), went (-) or changed (~) from BEFORE\n' +
        'to AFTER, and which of their members, values or parameters, with offsets in bytes.',
    )
    .argument('<before>', 'object or file of BTF')
    .argument('<after>', 'object or file of BTF')
    .option('-t, --type <name>', 'only types of this name (can be repeated)', collect)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Exit status: 0 if nothing differs, 1 if something does.

JSON: { differences: [{ kind, name, status, changes: [{ what, name, before, after }] }] }.

Examples:
  anybpf btf diff old.o new.o
  anybpf btf diff vmlinux-6.1 vmlinux-6.12 --type task_struct`,
    )
    .action(async (before: string, after: string, options: BtfDiffCommandOptions) => {
      const { btfDiffCommand } = await import('../commands/btf.ts')
      finish(await btfDiffCommand(before, after, options, io))
    })
  addBtfMin(btf, context)
}
