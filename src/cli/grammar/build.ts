/**
 * `anybpf build`: grammar and help.
 * @module
 */
import type { BuildCommandOptions } from '../commands/build.ts'
import type { GrammarContext } from './grammar.ts'
import { collect, PLATFORM_NAMES, wholeNumber } from './values.ts'

export function addBuild({ program, io, finish }: GrammarContext): void {
  program
    .command('build')
    .summary('compile an object ahead of time, for places that forbid it at run time')
    .description(
      `Writes an object as WebAssembly, for places that forbid compiling at run time: pages whose Content-Security-Policy lacks wasm-unsafe-eval, edge workers.

FILE is a compiled BPF object. Its programs are verified first, and nothing is written if one is rejected: the explanation is that of anybpf verify. With --no-verify they are built all the same, so that a bad access is a named fault, and with a budget of instructions.`,
    )
    .argument('<file>', 'object; - for standard input')
    .requiredOption('-o, --output <dir>', 'directory to write into; made if it is not there')
    .option('--name <name>', 'what the files are called (default: as FILE, without .o, .bpf.o or .el.o)')
    .option('-p, --program <name>', 'build only this program, and what it may tail-call (repeatable)', collect)
    .option('--platform <name>', `${PLATFORM_NAMES} (default: linux)`)
    .option('--global <name=json>', 'set a global variable before verifying (repeatable)', collect)
    .option(
      '--kconfig <name=value|file>',
      'value of an extern in .kconfig, or a kernel configuration, such as /proc/config.gz (repeatable)',
      collect,
    )
    .option('--btf <file>', "types that CO-RE relocations are resolved to, BTF or ELF (default: the object's own)")
    .option('--no-verify', 'build the programs whatever the verifier would say of them')
    .option(
      '--budget <n>',
      'most instructions of one run, unless a run says otherwise; 0: none are counted (default with --no-verify: 100M)',
      wholeNumber(0),
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Files in DIR:
  NAME.js              a small ES module: instantiate({ runtime, programs: { … } }) gives programs and maps, by name
  NAME.d.ts            its types
  NAME.PROGRAM.wasm    a program
  runtime.wasm         maps and memory: the same for every build with one version of anybpf
NAME.js imports anybpf/aot, and is given the modules: nothing is compiled. docs/build.md shows it in Node.js, in a page
and in an edge worker. A file appears under its name only when all are written.

JSON: { directory, platform, programs: [{ name, type, verified }], files: [{ path, kind, program, bytes }] }; kind is
module, types, runtime or program.

Examples:
  anybpf build firewall.o -o dist
  anybpf build lb.bpf.o -o worker/bpf --program balance --global 'backends=4'
  anybpf build firewall.o -o dist --json`,
    )
    .action(async (file: string, options: BuildCommandOptions) => {
      const { buildCommand } = await import('../commands/build.ts')
      finish(await buildCommand(file, options, io))
    })
}
