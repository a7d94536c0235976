/**
 * `anybpf gen headers`: grammar and help.
 * @module
 */
import type { Command } from 'commander'
import type { GenHeadersOptions } from '../commands/gen-headers.ts'
import type { GrammarContext } from './grammar.ts'
import { PLATFORM_NAMES } from './values.ts'

export function addGenHeaders(gen: Command, { io, finish }: GrammarContext): void {
  gen
    .command('headers')
    .summary('write the C headers that BPF programs include')
    .description(
      'Writes the C headers that BPF programs include, for machines that are not Linux: helpers, contexts, maps, sections, byte order,\n' +
        'CO-RE. Compile with clang -O2 -g -target bpf -nostdinc -I DIR.',
    )
    .requiredOption('-o, --output <dir>', 'directory to write into; made if it is not there')
    .option('--btf <file>', 'also write vmlinux.h, with the types of this file: BTF or ELF')
    .option('--platform <name>', `whose helpers: ${PLATFORM_NAMES} (default: linux)`)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
JSON: { directory, platform, files: [{ path, bytes }] }.

Examples:
  anybpf gen headers -o include
  anybpf gen headers -o include --btf /sys/kernel/btf/vmlinux
  clang -O2 -g -target bpf -nostdinc -I include -c firewall.bpf.c -o firewall.o`,
    )
    .action(async (options: GenHeadersOptions) => {
      const { genHeadersCommand } = await import('../commands/gen-headers.ts')
      finish(await genHeadersCommand(options, io))
    })
}
