/**
 * A function as something to print: its instructions with the names that an object gives to what they refer to.
 * @module
 */
import { type Btf, coreRelocationKind, describeCoreSpec, parseCoreSpec } from '../btf/index.ts'
import { type DisassemblyLine, decodeProgram, disassemble, type Instruction, labelTargets } from '../isa/index.ts'
import {
  type CoreRelocation,
  CoreRelocations,
  type FunctionSpec,
  type LineInfo,
  linkProgram,
  type MapSpec,
  type ObjectSpec,
  parseObject,
  type Reference,
} from '../object/index.ts'
import { linux, type Platform, raw } from '../spec/index.ts'
import { type ByteOrder, isAnybpfError } from '../util/index.ts'
import { assembleFor } from './assembler.ts'
import { EXIT, step, usageError } from './errors.ts'
import { type ProgramFile, readProgramFile } from './input.ts'
import type { CliIo } from './streams.ts'
import { visible } from './text.ts'

export interface Listing {
  readonly name: string
  readonly section?: string
  /** Of a program. */
  readonly type?: string
  readonly insns: readonly Instruction[]
  readonly lines: readonly LineInfo[]
  readonly references: readonly ListedReference[]
  /** Why there are no instructions. */
  readonly problem?: string
}

/** A program with all functions that it reaches behind it, in one array of instructions. */
export interface LinkedListing extends Listing {
  /** Names of functions by the slot at which they start. */
  readonly functionNames: ReadonlyMap<number, string>
}

/** What an instruction refers to, in words. `call` replaces the text of a call whose number is the linker's business. */
export interface ListedReference {
  readonly slot: number
  readonly text: string
  readonly call?: string
}

export interface Listings {
  readonly byteOrder: ByteOrder
  readonly programs: readonly Listing[]
  /** Subprograms of an object. */
  readonly functions: readonly Listing[]
  /** Names the helpers that the code calls. */
  readonly platform: Platform
  /** The object that the functions are from. */
  readonly object?: ObjectSpec
  /** A program or function with all that it reaches. Throws `ERR_LINK` where something is missing or unusable. */
  link(listing: Listing): LinkedListing
}

export interface ListingOptions {
  readonly raw?: boolean
  readonly bigEndian?: boolean
}

/** Gives the types that an object's CO-RE relocations are resolved to; undefined for its own. */
export type TargetOf = (spec: ObjectSpec) => Promise<Btf | undefined>

/** Reads an object, assembler text or instruction bytes. */
export async function readListings(
  file: string,
  options: ListingOptions,
  io: CliIo,
  targetOf: TargetOf = async () => undefined,
): Promise<Listings> {
  const input = await readProgramFile(file, options.raw ?? false, io)
  if (options.bigEndian && input.kind === 'object') {
    throw usageError('--big-endian is for instruction bytes and text: an object says its byte order')
  }
  if (input.kind === 'object') {
    const spec = await step(EXIT.badInput, file, () => parseObject(input.bytes))
    const target = await targetOf(spec)
    return objectListings(spec, target)
  }
  return step(EXIT.badInput, file, () => toListings(input, options.bigEndian ? 'big' : 'little'))
}

function toListings(input: Exclude<ProgramFile, { kind: 'object' }>, order: ByteOrder): Listings {
  // Neither text nor bare bytes say what they are for; bytes are what other runtimes exchange.
  const platform = input.kind === 'text' ? linux() : raw
  const insns = input.kind === 'text' ? assembleFor(platform, input.text) : decodeProgram(input.bytes, order)
  return {
    byteOrder: order,
    programs: [{ name: 'program', insns, lines: [], references: [] }],
    functions: [],
    platform,
    link: (listing) => ({ ...listing, functionNames: new Map([[0, listing.name]]) }),
  }
}

function objectListings(spec: ObjectSpec, target: Btf | undefined): Listings {
  const core = new CoreRelocations(spec, target)
  return {
    byteOrder: spec.byteOrder,
    programs: Object.values(spec.programs).map((program) => ({
      ...listingOf(program, spec, core),
      type: program.type,
    })),
    functions: Object.values(spec.functions).map((fn) => listingOf(fn, spec, core)),
    platform: linux(),
    object: spec,
    link: (listing) => linkListing(listing, spec, core),
  }
}

function linkListing(listing: Listing, spec: ObjectSpec, core: CoreRelocations): LinkedListing {
  const { name } = listing
  // A subprogram links like a program; what programs have besides plays no part in it.
  const entry = spec.programs[name] ?? {
    ...spec.functions[name]!,
    type: 'unspec',
    sleepable: false,
    frags: false,
    autoload: true,
  }
  const linked = linkProgram(spec, entry, core)
  return {
    ...listing,
    insns: linked.insns,
    lines: linked.lines,
    references: [
      ...linked.references.map((reference) => listReference(reference, spec)),
      ...linked.coreRelocations.map((record) => listCore(record, spec, linked.poisoned.has(record.slot))),
    ],
    functionNames: new Map(linked.functions.map((fn) => [fn.slot, fn.name])),
  }
}

function listingOf(fn: FunctionSpec, spec: ObjectSpec, core: CoreRelocations): Listing {
  const { insns, poisoned, problem } = relocated(fn, core)
  return {
    name: fn.name,
    section: fn.section,
    insns,
    lines: fn.lines,
    references: [
      ...fn.references.map((reference) => listReference(reference, spec)),
      ...fn.coreRelocations.map((record) => listCore(record, spec, poisoned.has(record.slot))),
    ],
    ...(problem === undefined ? {} : { problem }),
  }
}

/** A function whose relocations cannot be applied is listed as it was compiled. */
function relocated(
  fn: FunctionSpec,
  core: CoreRelocations,
): Pick<Listing, 'insns' | 'problem'> & { readonly poisoned: ReadonlyMap<number, string> } {
  const insns = fn.insns.slice()
  try {
    const poisoned = core.apply(fn, insns, 0)
    return { insns, poisoned, ...(fn.problem !== undefined && { problem: fn.problem.message }) }
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    return { insns: fn.insns, poisoned: new Map(), problem: fn.problem?.message ?? error.message }
  }
}

/** `CO-RE byte_off struct task_struct.pid`. */
function listCore(record: CoreRelocation, spec: ObjectSpec, poisoned: boolean): ListedReference {
  const text = `CO-RE ${visible(coreWords(record, spec))}`
  return { slot: record.slot, text: poisoned ? `${text}: not in the target` : text }
}

function coreWords(record: CoreRelocation, { btf }: ObjectSpec): string {
  const kind = coreRelocationKind(record.kind)?.name ?? String(record.kind)
  if (btf === undefined) return kind
  try {
    return `${kind} ${describeCoreSpec(parseCoreSpec(btf, record))}`
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    return `${kind} ${record.type} ${record.access}`
  }
}

function listReference(reference: Reference, spec: ObjectSpec): ListedReference {
  const { slot } = reference
  switch (reference.kind) {
    case 'map':
      return { slot, text: `map ${visible(reference.map)}` }
    case 'map_value':
      return { slot, text: `${visible(globalAt(spec.maps[reference.map], reference.offset, reference.map))}` }
    case 'function': {
      const name = visible(reference.function)
      return reference.via === 'call' ? { slot, text: name, call: `call ${name}` } : { slot, text: `function ${name}` }
    }
    case 'ksym':
      return { slot, text: `kernel symbol ${visible(reference.extern)}` }
    case 'kfunc': {
      const name = visible(reference.extern)
      return { slot, text: `kernel function ${name}`, call: `call ${name}` }
    }
  }
}

/** `threshold`, or `.rodata.str+8`. */
function globalAt(map: MapSpec | undefined, offset: number, name: string): string {
  const variable = map?.variables?.find(({ offset: start, size }) => start <= offset && offset < start + size)
  if (variable === undefined) return offset === 0 ? name : `${name}+${offset}`
  return offset === variable.offset ? variable.name : `${variable.name}+${offset - variable.offset}`
}

/** A line of a listing: as disassembled, with what it refers to. */
export interface ListedLine extends DisassemblyLine {
  readonly reference?: string
}

/** The lines of a function; `bytes` adds the encoding. */
export function disassembleListing(listing: Listing | LinkedListing, listings: Listings, bytes = false): ListedLine[] {
  const names = 'functionNames' in listing ? listing.functionNames : undefined
  const references = new Map(listing.references.map((reference) => [reference.slot, reference]))
  // What a reference names lies elsewhere: the number in the instruction must not make a label here.
  const local = listing.insns.map((insn, slot) => (references.has(slot) ? (ELSEWHERE[insn.kind] ?? insn) : insn))
  const labels = labelTargets(local, names)
  const lines = disassemble(listing.insns, {
    labels,
    calleeName: (target, id) => (target === 'helper' ? listings.platform.helpers.get(id)?.name : undefined),
    ...(bytes ? { bytes: listings.byteOrder } : {}),
  })
  return lines.map((line) => {
    const reference = references.get(line.slot)
    if (reference === undefined) return line
    if (reference.call !== undefined) return { ...line, text: reference.call, reference: reference.text }
    return { ...line, comment: reference.text, reference: reference.text }
  })
}

const ELSEWHERE: Partial<Record<Instruction['kind'], Instruction>> = {
  call: { kind: 'call', target: 'helper', imm: 0, off: 0 },
  lddw: { kind: 'lddw', source: 'imm64', dst: 0, imm: 0, imm2: 0 },
}
