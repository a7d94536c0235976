/**
 * The command line's grammar: one file for each command says its arguments, options and help; what a command does is
 * loaded when it is asked for.
 * @module
 */
import { Command } from 'commander'
import type { CliIo } from '../streams.ts'
import { addAsm } from './asm.ts'
import { addBtf } from './btf.ts'
import { addBuild } from './build.ts'
import { addCfg } from './cfg.ts'
import { addDisasm } from './disasm.ts'
import { addGen } from './gen.ts'
import { addInspect } from './inspect.ts'
import { addLink } from './link.ts'
import { addRun } from './run.ts'
import { addVerify } from './verify.ts'

/** What a command's grammar is given: its parent, the streams, and where its exit status goes. */
export interface GrammarContext {
  readonly program: Command
  readonly io: CliIo
  finish(status: number): void
}

export function createGrammar(io: CliIo, version: string, finish: (status: number) => void): Command {
  const program = new Command()
  program
    .name('anybpf')
    .description('BPF, whole, without a kernel: verify, run, inspect, disassemble and build compiled BPF objects.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Errors are told in one place, with a code and as JSON where that was asked for.
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.columns ?? 118,
      getErrHelpWidth: () => io.stderr.columns ?? 118,
    })
    .addHelpText(
      'after',
      `
Every command takes --json, and FILE may be - for standard input.

Exit status:
  0  done: the program ran, every program is accepted
  1  a program was rejected, cannot be linked or loaded (an object compiled without -g, for one), or faulted
  2  the command line makes no sense
  3  a file is malformed, or cannot be read or written
  70 a defect in anybpf itself
Whoever stops reading the output (anybpf ... | head) does not change it.

An error is one line on standard error; with --json, standard output has {"error": {code, message, subject}} besides.

Examples:
  anybpf run firewall.o --pcap traffic.pcap --maps
  anybpf verify firewall.o
  anybpf inspect firewall.o
  anybpf disasm firewall.o --program xdp_firewall`,
    )
  const context: GrammarContext = { program, io, finish }
  addRun(context)
  addVerify(context)
  addInspect(context)
  addDisasm(context)
  addAsm(context)
  addCfg(context)
  addBuild(context)
  addLink(context)
  addBtf(context)
  addGen(context)
  return program
}
