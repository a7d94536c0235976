/**
 * `anybpf gen`: grammar and help of its subcommands.
 * @module
 */
import type { GenSkeletonOptions, GenTypesOptions } from '../commands/gen.ts'
import { addGenHeaders } from './gen-headers.ts'
import type { GrammarContext } from './grammar.ts'
import { collect, PLATFORM_NAMES } from './values.ts'

export function addGen(context: GrammarContext): void {
  const { program, io, finish } = context
  const gen = program
    .command('gen')
    .summary('write typed skeletons, types and C headers')
    .description('Writes source text: what TypeScript programs want of an object, and what C wants to become one.')
    .addHelpText(
      'after',
      `
Every subcommand takes --json. A file appears under its name only when it is whole.

Examples:
  anybpf gen skeleton firewall.o -o firewall.skel.ts
  anybpf gen types firewall.o -o firewall.types.ts
  anybpf gen headers -o include`,
    )
  gen
    .command('skeleton')
    .summary("write a TypeScript module with an object's programs, maps and globals")
    .description(
      `Writes a TypeScript module in which an object's programs, maps, ring buffers and global variables have types: those of the values that anybpf makes of them, from the object's BTF.

open…(bytes) gives programs, maps and globals before loading: maps.NAME.maxEntries and globals.rodata.NAME can be set. Its load(runtime) gives them alive.`,
    )
    .argument('<file>', 'object; - for standard input')
    .option('-o, --output <file>', 'file to write (default: standard output)')
    .option('--name <name>', 'what the types are called (default: as FILE, without .o, .bpf.o or .el.o)')
    .option('--platform <name>', `whose map types the object has: ${PLATFORM_NAMES} (default: linux)`)
    .option('--json', 'print one JSON document; needs -o')
    .addHelpText(
      'after',
      `
JSON: { output, open, programs, maps, variables }, where open is the function that the module exports.

Examples:
  anybpf gen skeleton firewall.o -o firewall.skel.ts
  anybpf gen skeleton build/lb.bpf.o --name balancer -o balancer.skel.ts`,
    )
    .action(async (file: string, options: GenSkeletonOptions) => {
      const { genSkeletonCommand } = await import('../commands/gen.ts')
      finish(await genSkeletonCommand(file, options, io))
    })
  gen
    .command('types')
    .summary('write the TypeScript types of the values that BTF describes')
    .description('Writes a TypeScript module with the types of the values that anybpf makes of what BTF describes.')
    .argument('<file>', 'object, or file of BTF such as /sys/kernel/btf/vmlinux; - for standard input')
    .option('-o, --output <file>', 'file to write (default: standard output)')
    .option('-t, --type <name>', 'only types of this name, and all that they need (repeatable)', collect)
    .option('--json', 'print one JSON document; needs -o')
    .addHelpText(
      'after',
      `
JSON: { output, types }.

Examples:
  anybpf gen types firewall.o -o firewall.types.ts
  anybpf gen types /sys/kernel/btf/vmlinux --type task_struct -o task.ts`,
    )
    .action(async (file: string, options: GenTypesOptions) => {
      const { genTypesCommand } = await import('../commands/gen.ts')
      finish(await genTypesCommand(file, options, io))
    })
  addGenHeaders(gen, context)
}
