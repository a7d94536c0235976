/**
 * What each module under `src/` owns, what it leaves to others, and whom it may import.
 *
 * `test/architecture.test.ts` holds every import to this table, and `docs/architecture.md` prints it.
 * @module
 */

export interface ModuleRow {
  /** Folder under `src/`; `.` is the root `src/index.ts`. */
  readonly module: string
  readonly owns: string
  readonly doesNotOwn: string
  /** Modules that it may import, besides itself. */
  readonly mayImport: readonly string[]
  /** Node's built-ins and globals may be used. */
  readonly node?: true
  /** Packages that may be imported; they are bundled, never installed with the library. */
  readonly packages?: readonly string[]
}

const LANGUAGE = ['util', 'isa', 'elf', 'btf', 'spec'] as const
const RUNTIME = [...LANGUAGE, 'object', 'verifier', 'net', 'vm', 'maps', 'helpers', 'programs'] as const

/** From the ground up: a row may import only rows above it. */
export const MODULES: readonly ModuleRow[] = [
  {
    module: 'util',
    owns: 'bytes, errors, 64-bit integers, seeded randomness, text tables',
    doesNotOwn: 'anything that knows what BPF is',
    mayImport: [],
  },
  {
    module: 'isa',
    owns: 'the instruction table; decoding, encoding, assembler, disassembler, control-flow graph, conformance groups',
    doesNotOwn: 'what an instruction does to memory (vm), whether it is allowed (verifier)',
    mayImport: ['util'],
  },
  {
    module: 'elf',
    owns: 'ELF64 files, either byte order: sections, symbols, relocations; reading and writing',
    doesNotOwn: 'what a section means to BPF (object)',
    mayImport: ['util'],
  },
  {
    module: 'btf',
    owns: 'types: parsing, emitting, building, deduplicating, output as C and TypeScript, CO-RE matching, `.BTF.ext`; bytes of any type from and to values',
    doesNotOwn: 'map definitions in BTF (object), where values lie in memory (maps)',
    mayImport: ['util'],
  },
  {
    module: 'net',
    owns: 'packets, checksums, captures',
    doesNotOwn: 'BPF, files, program contexts',
    mayImport: ['util'],
  },
  {
    module: 'spec',
    owns: 'platforms as data: helpers, map types, program types, context layouts, section names, limits',
    doesNotOwn: 'what any of it does when it runs',
    mayImport: ['util', 'isa', 'btf'],
  },
  {
    module: 'object',
    owns: 'ELF and BTF to an editable ObjectSpec; relocation; static linking',
    doesNotOwn: 'running, memory, verdicts',
    mayImport: ['util', 'isa', 'elf', 'btf', 'spec'],
  },
  {
    module: 'verifier',
    owns: 'what a program may do: domains, states, checks, reports',
    doesNotOwn: 'running, objects in files',
    mayImport: ['util', 'isa', 'btf', 'spec'],
  },
  {
    module: 'vm',
    owns: 'guest memory, regions, the engines, the contracts for maps, helpers and program types',
    doesNotOwn: 'any map, helper or program type; where a program comes from',
    mayImport: ['util', 'isa', 'spec'],
  },
  {
    module: 'maps',
    owns: 'map stores in guest memory; keys and values by BTF',
    doesNotOwn: 'who may use a map, names and pins (loader)',
    mayImport: ['util', 'btf', 'spec', 'vm'],
  },
  {
    module: 'helpers',
    owns: 'what helper functions do',
    doesNotOwn: 'their prototypes (spec), how an engine calls them (vm)',
    mayImport: ['util', 'btf', 'spec', 'net', 'vm', 'maps'],
  },
  {
    module: 'programs',
    owns: 'per program type: building the context, running, reading the verdict',
    doesNotOwn: 'context layouts as data (spec), loading',
    mayImport: ['util', 'btf', 'spec', 'net', 'vm', 'maps', 'helpers'],
  },
  {
    module: 'loader',
    owns: 'ObjectSpec to a running Collection; links, pins, disposal',
    doesNotOwn: 'files, the terminal',
    mayImport: RUNTIME,
  },
  {
    module: 'aot',
    owns: 'programs that were built ahead of time: putting their modules, maps and memory together',
    doesNotOwn: 'building them (build); reading objects, verifying, compiling',
    mayImport: [...RUNTIME, 'loader'],
  },
  {
    module: 'build',
    owns: 'objects to WebAssembly ahead of time, and the module that goes with it',
    doesNotOwn: 'writing files; the compiler (vm)',
    mayImport: [...RUNTIME, 'loader', 'aot'],
  },
  {
    module: 'gen',
    owns: 'source text made from objects and tables: typed skeletons, types, C headers',
    doesNotOwn: 'writing files; the printers of BTF (btf)',
    mayImport: [...RUNTIME, 'loader'],
  },
  {
    module: 'testing',
    owns: 'what a user’s unit tests import: mocks, clocks, matchers, coverage',
    doesNotOwn: 'a test runner',
    mayImport: [...RUNTIME, 'loader'],
  },
  {
    module: '.',
    owns: 'the root entry of the package: what most users need, re-exported',
    doesNotOwn: 'code',
    mayImport: [...RUNTIME, 'loader', 'testing'],
  },
  {
    module: 'node',
    owns: 'files, streams, workers: what only Node.js has',
    doesNotOwn: 'anything that a browser could do too',
    mayImport: [...RUNTIME, 'loader'],
    node: true,
  },
  {
    module: 'cli',
    owns: 'argument grammar, commands, printers',
    doesNotOwn: 'anything that a library user would want',
    mayImport: [...RUNTIME, 'loader', 'aot', 'build', 'gen', 'testing', '.', 'node'],
    node: true,
    packages: ['commander'],
  },
]
