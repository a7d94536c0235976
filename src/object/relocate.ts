/**
 * Relocations to symbolic references: in code, which instruction means which map, variable or function; in data, which
 * bytes hold an address.
 *
 * In REL records, which clang writes, the addend is where the relocation is: the immediate of the `lddw`, or for a call
 * the distance in slots, of which -1 is "the symbol itself".
 * @see https://docs.kernel.org/bpf/llvm_reloc.html
 * @module
 */
import { BPF_RELOCATION, type ElfRelocation, type ElfSection } from '../elf/index.ts'
import type { CallInsn, LddwInsn } from '../isa/index.ts'
import { AnybpfError, ByteReader, quoteName } from '../util/index.ts'
import type { FoundMap } from './btf-maps.ts'
import type { FoundFunction } from './functions.ts'
import type { ObjectFile } from './object-file.ts'
import type { DataPointer, MapSpec, Reference } from './spec.ts'
import type { Target, Targets } from './targets.ts'

const SLOT_BYTES = 8
const POINTER_BYTES = 8

/** Fills in the references of the functions of one section. A reference that fails is its function's problem. */
export function relocateCode(
  file: ObjectFile,
  section: ElfSection,
  functions: readonly FoundFunction[],
  targets: Targets,
): void {
  let relocations: ElfRelocation[] = []
  let unreadable: AnybpfError | undefined
  try {
    relocations = [...file.neededRelocations(section)].sort((a, b) => a.offset - b.offset)
  } catch (error) {
    if (!(error instanceof AnybpfError)) throw error
    unreadable = error
  }
  let next = 0
  for (const found of functions) {
    const { spec, start, end } = found
    if (spec.problem !== undefined) continue
    try {
      if (unreadable !== undefined) throw unreadable
      const relocated = new Map<number, Reference>()
      while (next < relocations.length && relocations[next]!.offset < start) next++
      for (; next < relocations.length && relocations[next]!.offset < end; next++) {
        const reference = codeReference(file, found, relocations[next]!, targets)
        if (reference !== undefined) relocated.set(reference.slot, reference)
      }
      addUnrelocated(found, relocated, targets)
      spec.references = [...relocated.values()].sort((a, b) => a.slot - b.slot)
    } catch (error) {
      spec.problem = file.functionProblem(spec.name, error)
    }
  }
}

function codeReference(
  file: ObjectFile,
  found: FoundFunction,
  relocation: ElfRelocation,
  targets: Targets,
): Reference | undefined {
  const { spec, start } = found
  if (relocation.type === BPF_RELOCATION.none) return undefined
  const slot = (relocation.offset - start) / SLOT_BYTES
  const insn = spec.insns[slot]
  const symbol = file.elf.symbols[relocation.symbol]!
  if (relocation.type !== BPF_RELOCATION.r64_64 && relocation.type !== BPF_RELOCATION.r64_32) {
    throw new AnybpfError('ERR_RELOCATION', `relocation type ${relocation.type} at byte ${relocation.offset} of code`)
  }
  try {
    if (insn?.kind === 'lddw') {
      return addressReference(slot, targets.resolve(symbol, relocation.addend ?? insn.imm))
    }
    if (insn?.kind === 'call') {
      const addend = relocation.addend ?? (insn.target === 'local' ? SLOT_BYTES * (insn.imm + 1) : 0)
      return callReference(slot, targets.resolve(symbol, addend))
    }
  } catch (error) {
    if (!(error instanceof AnybpfError)) throw error
    throw new AnybpfError(error.code, `insn ${slot}: ${error.message}`, { cause: error })
  }
  throw new AnybpfError(
    'ERR_RELOCATION',
    `relocation at byte ${relocation.offset} of section ${quoteName(found.section.name)} changes ` +
      `${insn === undefined ? 'no instruction' : `a ${insn.kind}`}, neither lddw nor call`,
  )
}

function addressReference(slot: number, target: Target): Reference {
  switch (target.kind) {
    case 'function':
      return { kind: 'function', slot, via: 'address', function: target.function }
    case 'map':
      return { kind: 'map', slot, map: target.map }
    case 'map_value':
      return { kind: 'map_value', slot, map: target.map, offset: target.offset }
    case 'extern':
      return { kind: 'ksym', slot, extern: target.extern }
  }
}

function callReference(slot: number, target: Target): Reference {
  switch (target.kind) {
    case 'function':
      return { kind: 'function', slot, via: 'call', function: target.function }
    case 'extern':
      return { kind: 'kfunc', slot, extern: target.extern }
    default:
      throw new AnybpfError('ERR_RELOCATION', `calls ${quoteName(target.map)}, which is data`)
  }
}

/**
 * Calls inside a section that the assembler resolved itself have no relocation: those that leave their function get a
 * reference; those that stay inside (assembler code with labels) are right as they stand.
 */
function addUnrelocated(found: FoundFunction, references: Map<number, Reference>, targets: Targets): void {
  const { spec, section, start, end } = found
  for (let slot = 0; slot < spec.insns.length; slot++) {
    const insn = spec.insns[slot]!
    if (!isCodeRelative(insn) || references.has(slot)) continue
    const target = start + SLOT_BYTES * (slot + 1 + insn.imm)
    if (target >= start && target < end) continue
    const name = targets.functionAt(section.index, target)
    if (name === undefined) {
      throw new AnybpfError(
        'ERR_RELOCATION',
        `insn ${slot}: refers to byte ${target} of its section, where no function starts`,
      )
    }
    references.set(slot, { kind: 'function', slot, via: insn.kind === 'call' ? 'call' : 'address', function: name })
  }
}

function isCodeRelative(insn: { readonly kind: string }): insn is CallInsn | LddwInsn {
  if (insn.kind === 'call') return (insn as CallInsn).target === 'local'
  return insn.kind === 'lddw' && (insn as LddwInsn).source === 'code_addr'
}

/** Addresses in a data section, in order of offset. One that cannot be had is a problem of the object. */
export function relocateData(file: ObjectFile, section: ElfSection, data: Uint8Array, targets: Targets): DataPointer[] {
  const reader = new ByteReader(data, file.elf.header.byteOrder, 'ERR_RELOCATION')
  const pointers = new Map<number, DataPointer>()
  for (const relocation of file.relocations(section)) {
    if (relocation.type === BPF_RELOCATION.none) continue
    const pointer = file.attempt((): DataPointer => {
      const addend = relocation.addend ?? inPlaceAddend(reader, relocation, section)
      return { offset: relocation.offset, target: targets.resolve(file.elf.symbols[relocation.symbol]!, addend) }
    })
    if (pointer !== undefined) pointers.set(pointer.offset, pointer)
  }
  return [...pointers.values()].sort((a, b) => a.offset - b.offset)
}

/** The addend of a REL record: the eight bytes that it will replace. */
function inPlaceAddend(reader: ByteReader, relocation: ElfRelocation, section: ElfSection): number {
  const { offset, type } = relocation
  const where = `section ${quoteName(section.name)}`
  if (type !== BPF_RELOCATION.abs64 && type !== BPF_RELOCATION.r64_64) {
    throw new AnybpfError('ERR_RELOCATION', `relocation type ${type} at byte ${offset} of ${where}`)
  }
  return Number(BigInt.asIntN(64, reader.u64(offset, `relocation in ${where}`)))
}

/** Static initialisers of maps of maps and of programs: relocations of `.maps` inside a map's `values[]`. */
export function relocateMaps(file: ObjectFile, section: ElfSection, maps: readonly FoundMap[], targets: Targets): void {
  const sorted = [...maps].sort((a, b) => a.offset - b.offset)
  const bytes = file.attempt(() => file.data(section)) ?? new Uint8Array(0)
  const reader = new ByteReader(bytes, file.elf.header.byteOrder, 'ERR_RELOCATION')
  const relocations = [...file.relocations(section)].sort((a, b) => a.offset - b.offset)
  let at = 0
  for (const relocation of relocations) {
    if (relocation.type === BPF_RELOCATION.none) continue
    while (at < sorted.length && sorted[at]!.offset + sorted[at]!.size <= relocation.offset) at++
    file.attempt(() => {
      const addend = relocation.addend ?? inPlaceAddend(reader, relocation, section)
      addInitialSlot(sorted[at], relocation.offset, targets.resolve(file.elf.symbols[relocation.symbol]!, addend))
    })
  }
}

function addInitialSlot(map: FoundMap | undefined, offset: number, target: Target): void {
  const index = map?.valuesOffset === undefined ? -1 : (offset - map.valuesOffset) / POINTER_BYTES
  if (map === undefined || !(offset >= map.offset) || !Number.isInteger(index) || index < 0) {
    throw new AnybpfError('ERR_RELOCATION', `relocation at byte ${offset} of .maps is in no map's values`)
  }
  const slots: NonNullable<MapSpec['initialSlots']> = (map.spec.initialSlots ??= [])
  if (target.kind === 'map') slots.push({ index, target: { kind: 'map', map: target.map } })
  else if (target.kind === 'function') slots.push({ index, target: { kind: 'program', program: target.function } })
  else {
    throw new AnybpfError(
      'ERR_RELOCATION',
      `map ${quoteName(map.spec.name)}: value ${index} is neither a map nor a program`,
    )
  }
}
