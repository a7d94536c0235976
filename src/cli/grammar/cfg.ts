/**
 * `anybpf cfg`: grammar and help.
 * @module
 */
import type { CfgOptions } from '../commands/cfg.ts'
import type { GrammarContext } from './grammar.ts'

export function addCfg({ program, io, finish }: GrammarContext): void {
  program
    .command('cfg')
    .summary('print a control-flow graph as DOT')
    .description('Prints the control-flow graph of a program or function, for Graphviz, with disassembled blocks.')
    .argument('<file>', 'object, assembler text or instruction bytes; - for standard input')
    .option('-p, --program <name>', 'program or function (default: the only program)')
    .option('--raw', 'FILE holds instruction bytes (binary or as hexadecimal text)')
    .option('--big-endian', 'with --raw: the bytes are big-endian')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
JSON: { name, functions, blocks: [{ id, first, end, successors, insns }], loops, irreducible, defects }.

Examples:
  anybpf cfg firewall.o | dot -Tsvg > firewall.svg
  anybpf cfg program.s --json`,
    )
    .action(async (file: string, options: CfgOptions) => {
      const { cfgCommand } = await import('../commands/cfg.ts')
      finish(await cfgCommand(file, options, io))
    })
}
