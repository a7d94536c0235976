/**
 * `anybpf verify`: grammar and help.
 * @module
 */
import { Option } from 'commander'
import type { VerifyCommandOptions } from '../commands/verify.ts'
import type { GrammarContext } from './grammar.ts'
import { collect, PLATFORM_NAMES, wholeNumber } from './values.ts'

export function addVerify({ program, io, finish }: GrammarContext): void {
  program
    .command('verify')
    .summary('say whether programs may run, and why not')
    .description(
      `Judges every program of the given objects as the Linux verifier would, without a kernel. Of a program that is rejected it says what is wrong, where in the C source, how the program comes there, where the value at fault comes from, and what would help.

FILE is a compiled BPF object (recognised by its ELF header), assembler text, or, with --raw, instruction bytes (binary or as hexadecimal text). Text and bytes name no licence, and are taken to be under the GPL.`,
    )
    .argument('<file...>', 'objects, assembler text or instruction bytes; - for standard input')
    .option('-p, --program <name>', 'only this program')
    .option('--platform <name>', `${PLATFORM_NAMES} (default: linux; raw for text and bytes)`)
    .addOption(
      new Option('--author <author>', 'for whom to judge (default: trusted on linux, as for root)').choices([
        'trusted',
        'untrusted',
      ]),
    )
    .option('--type <type>', 'program type, where the section does not say: xdp, sched_cls, socket_filter …')
    .option('--raw', 'FILE holds instruction bytes; r1 points to memory, r2 is its length')
    .option(
      '--global <name=json>',
      'value of a global variable: constants decide what is reachable (repeatable)',
      collect,
    )
    .option(
      '--kconfig <name=value|file>',
      'value of an extern in .kconfig, or a kernel configuration, such as /proc/config.gz (repeatable)',
      collect,
    )
    .option('--btf <file>', "the kernel's types (default, where a program needs them: those of the running kernel)")
    .addOption(
      new Option('--log <form>', 'what to say of each program')
        .choices(['explain', 'linux', 'none'])
        .default('explain'),
    )
    .addOption(
      new Option(
        '--log-level <n>',
        'with --log linux: 1 the failing path (default), 2 every path, 4 statistics only',
      ).choices(['1', '2', '4']),
    )
    .option('--stats', 'show states and stack depth too')
    .option('--strict-alignment', 'refuse misaligned accesses, as machines that cannot do them')
    .option('--time-limit <ms>', 'give up after so many milliseconds for a program', wholeNumber(1))
    .option('--insn-limit <n>', 'give up after so many instructions processed (default: 1M, as Linux)', wholeNumber(1))
    .option(
      '--state-limit <n>',
      'give up when so many states are kept, about 2 KB each (default: 200k)',
      wholeNumber(1),
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Exit status: 0 every program is accepted, 1 one is rejected or cannot be linked, 2 usage, 3 a file is malformed or
cannot be read: of several files, the others are judged all the same.

JSON: { programs: [{ file, name, section, type, platform, author, verdict, error, stats, log }] }. error has code
(stable, see the documentation), category, reason, insn, source, path, value (its history) and fix; message is the last
line of Linux's log. kernelTypes says where the kernel's types were read from, if they were. errors is there if some of
several files could not be read: [{ code, message, subject, details }]; of a single file it is error, without programs.

Programs whose context has kernel types (fentry, LSM, iterators …) and those that call kernel functions need the types
of the kernel that they are for: those of this machine (/sys/kernel/btf/vmlinux) unless --btf names others, BTF or an
ELF file with a section .BTF. CO-RE relocations are resolved to the same; where no kernel shows its types, to the
object's own.

Examples:
  anybpf verify firewall.o
  anybpf verify build/*.o --log none --stats
  anybpf verify firewall.o --program xdp_firewall --log linux --log-level 2
  anybpf verify filter.o --platform linux:6.1 --author untrusted --json`,
    )
    .action(async (files: string[], given: Omit<VerifyCommandOptions, 'logLevel'> & { readonly logLevel?: string }) => {
      const { verifyCommand } = await import('../commands/verify.ts')
      const { logLevel, ...options } = given
      finish(
        await verifyCommand(files, { ...options, ...(logLevel !== undefined && { logLevel: Number(logLevel) }) }, io),
      )
    })
}
