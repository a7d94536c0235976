/**
 * `anybpf run`: grammar and help.
 * @module
 */
import { Option } from 'commander'
import type { RunOptions } from '../commands/run.ts'
import type { GrammarContext } from './grammar.ts'
import { collect, wholeNumber } from './values.ts'

export function addRun({ program, io, finish }: GrammarContext): void {
  program
    .command('run')
    .summary('run a program on packets, on a context, or on memory')
    .description(
      `Loads a program and runs it: once, many times, or on every packet of a capture.

FILE is a compiled BPF object (recognised by its ELF header), assembler text, or, with --raw, instruction bytes (binary or as hexadecimal text). Text and bytes name no licence, and are taken to be under the GPL.

A program is verified first, as Linux would for a trusted author (a raw program for an untrusted one), and not run if it is rejected: the explanation is that of anybpf verify. With --no-verify it runs all the same, in the interpreter that checks every memory access against what exists: a bad access, or a program that never ends, is then a named fault and no more. With --no-verify --engine jit (or --unchecked) nothing is checked: a bad access reads or spoils whatever else is in the program's memory, other maps and packets, and results may be wrong without a word. It cannot reach anything outside of that memory.`,
    )
    .argument('<file>', 'object, assembler text or instruction bytes; - for standard input')
    .option('-p, --program <name>', 'program to run (default: the only one)')
    .option('--raw', 'FILE holds instruction bytes; r1 points to memory (--data), r2 is its length')
    .option('--type <type>', 'program type, where FILE does not say: xdp, sched_cls, socket_filter, raw …')
    .option('--pcap <in>', 'run on every packet of a capture: pcap or pcapng, - for standard input')
    .option('--write <out>', 'with --pcap: write the packets that come out; pcapng if OUT ends so, else pcap')
    .option('-d, --data <hex|@file>', 'packet, or memory of a raw program: hexadecimal, or the bytes of a file')
    .option('--ctx <json|@file>', 'fields of the context, by name')
    .option(
      '-r, --repeat <n>',
      'run N times and report the median ns per run (cold below 1000: compiled code is not optimised yet)',
      wholeNumber(1),
    )
    .option('--fresh', 'with --repeat: restore the input before every run')
    .addOption(
      new Option(
        '--engine <engine>',
        'how to execute: jit compiles to WebAssembly, and checks no access, verified or not (default: jit, with --no-verify interpreter)',
      ).choices(['interpreter', 'jit']),
    )
    .option('--no-verify', 'run the program whatever the verifier would say of it')
    .option('--unchecked', 'with --no-verify: do not check memory accesses; a bad access reads or spoils other memory')
    .option('--budget <n>', 'most instructions of one run; 0: no bound', wholeNumber(0))
    .option('--map <name=json|@file>', 'fill a map first: [[key, value], …] or {key: value} (repeatable)', collect)
    .option('--maps', 'print every map afterwards')
    .option('--global <name=json>', 'set a global variable before loading (repeatable)', collect)
    .option(
      '--kconfig <name=value|file>',
      'value of an extern in .kconfig, or a kernel configuration, such as /proc/config.gz (repeatable)',
      collect,
    )
    .option('--btf <file>', "types that CO-RE relocations are resolved to, BTF or ELF (default: the object's own)")
    .option('--seed <n>', 'seed of what the program sees as random', wholeNumber(0, 0xffffffff))
    .option('--real-time', 'the clock is the real one (default: it follows the packets, and starts at one second)')
    .option('--lines <n>', 'most lines of program output to show', wholeNumber(0), 20)
    .option('--events <n>', 'most ring-buffer and perf events to show', wholeNumber(0), 10)
    .option('--entries <n>', 'most entries of a map to show', wholeNumber(0), 20)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Packets (--pcap): the program is given each packet as it comes, from the Ethernet header on, and as received on a
device. --write gets what goes on: of xdp PASS, TX and REDIRECT; of sched_cls all but SHOT, STOLEN, QUEUED and TRAP; of
socket_filter as many bytes as the program keeps; with the changes that the program made. The program's clock follows
the capture's time stamps, from one second on.

Maps: --map 'ports={"80": 1, "443": 1}', or in pairs, for keys that are structs: --map 'flows=[[{"port": 80}, 1]]'.
A value of a prog_array is a program's name, a value of a map of maps is a map's name, and a value of a per-CPU
map is for every CPU. Keys and values are as the object's BTF says, or hexadecimal bytes: numbers, also as text
("0x2a"); structs as {"member": value}; enums by name. An address of 4 bytes may be "10.0.0.1", laid down in network
byte order. A port in network byte order is the number that this machine reads: port 80 is "0x5000".

Events: a record is hexadecimal unless the object says its type. Records of a ring buffer are not declared in C, so the
one struct that has an event's name and size is taken; a pointer to it, such as const struct event *unused, brings it
into the BTF.

JSON: { program, type, engine, verified, runs, retval, nsPerRun, compileMs, verdicts, output, events, maps } and more.
Of a capture, retval is the last packet's; with --repeat, verdicts has the last run's only. maps has { name: [[key,
value], …] }, the form that --map takes. Integers beyond 2^53 are strings, bytes are hexadecimal. Of arrays with more
than 256 entries, those that are all zero are left out.

Examples:
  anybpf run firewall.o --pcap in.pcap --write out.pcapng --map blocked=@blocked.json --maps
  anybpf run filter.o --program parse --data 'ffffffffffff 020000000001 0800' --repeat 1M
  anybpf run lb.o --pcap - --json --map 'jump_table={"0": "handle_tcp"}' < in.pcap
  echo 'r0 = 42
  exit' | anybpf run -
  anybpf run --raw program.bin --data 0102030405060708
  anybpf run --raw program.bin --data @memory.bin --repeat 1M --engine jit --no-verify --budget 0 --json`,
    )
    .action(async (file: string, options: RunOptions) => {
      const { runCommand } = await import('../commands/run.ts')
      finish(await runCommand(file, options, io))
    })
}
