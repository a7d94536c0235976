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
    .option('--core', 'explain each CO-RE relocation: what is meant, what the target has, what the instruction becomes')
    .option(
      '--btf <file>',
      "with --core: the target's types, BTF or ELF (default: the running kernel's; where there is none, nothing is tried)",
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
JSON: { file, byteOrder, license, kernelVersion, conformanceGroups, programs, functions, maps, globals, externs,
sections, relocations, btf }; with --core also core: { target, relocations: [{ function, section, insn, kind, local,
candidates, target, outcome, reason, before, value, resized }] }, where outcome is relocated, poisoned (the instruction
may not be reached) or failed (the program cannot be loaded).

Examples:
  anybpf inspect firewall.o
  anybpf inspect tracer.o --core --btf vmlinux
  anybpf inspect firewall.o --json | jq '.maps[] | .name'`,
    )
    .action(async (file: string, options: InspectOptions) => {
      const { inspectCommand } = await import('../commands/inspect.ts')
      finish(await inspectCommand(file, options, io))
    })
}
