/**
 * What is in an object, gathered as plain data: the document that `inspect --json` prints and its tables are made from.
 * @module
 */
import type { Btf, BtfKind } from '../btf/index.ts'
import {
  BPF_RELOCATION,
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  parseElf,
  SECTION_TYPE,
} from '../elf/index.ts'
import { conformanceGroups, type Instruction } from '../isa/index.ts'
import { type FunctionSpec, type MapSpec, type ObjectSpec, parseObject, type VariableSpec } from '../object/index.ts'
import { linux, type Platform } from '../spec/index.ts'
import { isAnybpfError } from '../util/index.ts'

export interface FunctionSummary {
  readonly name: string
  readonly section: string
  readonly linkage: string
  /** Slots of eight bytes, as everyone counts instructions. */
  readonly insns: number
  readonly conformanceGroups: readonly string[]
  /** Helpers that it calls itself, by name (by number where the number is unknown). */
  readonly helpers: readonly string[]
  /** Maps, functions and externs that it mentions itself. */
  readonly maps: readonly string[]
  readonly calls: readonly string[]
  readonly externs: readonly string[]
  readonly lines: number
  readonly coreRelocations: number
  /** Why it cannot be used. */
  readonly problem?: string
}

export interface ProgramSummary extends FunctionSummary {
  readonly type: string
  readonly attachType?: string
  readonly attachTo?: string
  readonly sleepable: boolean
  readonly frags: boolean
  readonly autoload: boolean
}

export interface MapSummary {
  readonly name: string
  readonly kind: string
  readonly section: string
  /** By name; by number where the number is unknown. */
  readonly type: string
  readonly typeId: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly pinning: number
  /** Types of key and value in C's words. */
  readonly key?: string
  readonly value?: string
  readonly innerMap?: MapSummary
  readonly initialSlots?: readonly { readonly index: number; readonly target: string }[]
}

export interface GlobalSummary {
  readonly name: string
  readonly map: string
  readonly offset: number
  readonly size: number
  readonly type?: string
  readonly linkage: string
}

export interface SectionSummary {
  readonly index: number
  readonly name: string
  readonly type: string
  readonly size: number
  /** How many relocations apply to it, by their type. */
  readonly relocations: Readonly<Record<string, number>>
}

export interface Inspection {
  readonly file: string
  readonly byteOrder: string
  readonly license: string
  readonly kernelVersion?: number
  /** Of all programs and functions together. */
  readonly conformanceGroups: readonly string[]
  readonly programs: readonly ProgramSummary[]
  readonly functions: readonly FunctionSummary[]
  readonly maps: readonly MapSummary[]
  readonly globals: readonly GlobalSummary[]
  readonly externs: readonly { readonly name: string; readonly weak: boolean; readonly type?: string }[]
  readonly sections: readonly SectionSummary[]
  /** Sums over all sections, by type. */
  readonly relocations: Readonly<Record<string, number>>
  /** What is wrong with the file, and does not keep the rest of it from being used. */
  readonly problems: readonly string[]
  readonly btf?: { readonly types: number; readonly kinds: Readonly<Partial<Record<BtfKind, number>>> }
}

/** Reads an object twice: as ELF for its sections, and as an object for all else. Throws what the parsers throw. */
export function inspectObject(file: string, bytes: Uint8Array): Inspection {
  const elf = parseElf(bytes)
  const spec = parseObject(bytes)
  const platform = linux()
  const groups = new Set<string>()
  const summarize = (fn: FunctionSpec): FunctionSummary => {
    const summary = summarizeFunction(fn, platform)
    for (const group of summary.conformanceGroups) groups.add(group)
    return summary
  }
  const programs = Object.values(spec.programs).map(
    (program): ProgramSummary => ({
      ...summarize(program),
      type: program.type,
      ...(program.attachType === undefined ? {} : { attachType: program.attachType }),
      ...(program.attachTo === undefined ? {} : { attachTo: program.attachTo }),
      sleepable: program.sleepable,
      frags: program.frags,
      autoload: program.autoload,
    }),
  )
  const functions = Object.values(spec.functions).map(summarize)
  const problems = spec.problems.map(({ message }) => message)
  const sections = summarizeSections(elf, problems)
  return {
    file,
    byteOrder: spec.byteOrder,
    license: spec.license,
    ...(spec.kernelVersion === undefined ? {} : { kernelVersion: spec.kernelVersion }),
    conformanceGroups: [...groups].sort(),
    programs,
    functions,
    maps: Object.values(spec.maps).map((map) => summarizeMap(map, spec, platform)),
    globals: Object.values(spec.maps).flatMap((map) =>
      (map.variables ?? []).map((variable) => summarizeGlobal(variable, map, spec)),
    ),
    externs: Object.values(spec.externs).map(({ name, weak, btfType }) => ({
      name,
      weak,
      ...typeNamed('type', spec, btfType),
    })),
    sections,
    relocations: sumCounts(sections.map((section) => section.relocations)),
    problems,
    ...(spec.btf === undefined ? {} : { btf: summarizeBtf(spec.btf) }),
  }
}

function summarizeFunction(fn: FunctionSpec, platform: Platform): FunctionSummary {
  const mentioned = { maps: new Set<string>(), calls: new Set<string>(), externs: new Set<string>() }
  for (const reference of fn.references) {
    switch (reference.kind) {
      case 'map':
      case 'map_value':
        mentioned.maps.add(reference.map)
        break
      case 'function':
        mentioned.calls.add(reference.function)
        break
      default:
        mentioned.externs.add(reference.extern)
    }
  }
  return {
    name: fn.name,
    section: fn.section,
    linkage: fn.linkage,
    insns: fn.slotCount,
    conformanceGroups: [...conformanceGroups(fn.insns)].sort(),
    helpers: helpersOf(fn.insns, platform),
    maps: [...mentioned.maps],
    calls: [...mentioned.calls],
    externs: [...mentioned.externs],
    lines: fn.lines.length,
    coreRelocations: fn.coreRelocations.length,
    ...(fn.problem === undefined ? {} : { problem: fn.problem.message }),
  }
}

function helpersOf(insns: readonly Instruction[], platform: Platform): string[] {
  const ids = new Set<number>()
  for (const insn of insns) if (insn.kind === 'call' && insn.target === 'helper') ids.add(insn.imm)
  return [...ids].sort((a, b) => a - b).map((id) => platform.helpers.get(id)?.name ?? `#${id}`)
}

function summarizeMap(map: MapSpec, spec: ObjectSpec, platform: Platform): MapSummary {
  // An inner map's type may in a hostile file be a map of maps again; parsing bounds the nesting.
  return {
    name: map.name,
    kind: map.kind,
    section: map.section,
    type: platform.mapTypes.get(map.type)?.name ?? `#${map.type}`,
    typeId: map.type,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: map.maxEntries,
    flags: map.flags,
    pinning: map.pinning,
    ...typeNamed('key', spec, map.btfKeyType, map),
    ...typeNamed('value', spec, map.btfValueType, map),
    ...(map.innerMap === undefined ? {} : { innerMap: summarizeMap(map.innerMap, spec, platform) }),
    ...(map.initialSlots === undefined
      ? {}
      : {
          initialSlots: map.initialSlots.map(({ index, target }) => ({
            index,
            target: target.kind === 'map' ? target.map : target.program,
          })),
        }),
  }
}

function summarizeGlobal(variable: VariableSpec, map: MapSpec, spec: ObjectSpec): GlobalSummary {
  return {
    name: variable.name,
    map: map.name,
    offset: variable.offset,
    size: variable.size,
    ...typeNamed('type', spec, variable.btfType, map),
    linkage: variable.linkage,
  }
}

function typeNamed<Key extends string>(
  key: Key,
  spec: ObjectSpec,
  id: number | undefined,
  map?: MapSpec,
): { readonly [K in Key]?: string } {
  const btf = map?.btf ?? spec.btf
  if (id === undefined || id === 0 || btf === undefined) return {}
  return { [key]: btf.describe(id) } as { readonly [K in Key]?: string }
}

const SECTION_TYPE_NAMES = invert(SECTION_TYPE)
const RELOCATION_NAMES = invert(BPF_RELOCATION)

function invert(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]))
}

function summarizeSections(elf: ElfFile, problems: string[]): SectionSummary[] {
  return elf.sections.slice(1).map((section) => {
    const relocations: Record<string, number> = {}
    for (const { type } of relocationsOf(elf, section, problems)) {
      const name = RELOCATION_NAMES.get(type) ?? `#${type}`
      relocations[name] = (relocations[name] ?? 0) + 1
    }
    const type = SECTION_TYPE_NAMES.get(section.type) ?? `0x${section.type.toString(16)}`
    return { index: section.index, name: section.name, type, size: section.size, relocations }
  })
}

/** A section that no program needs may have relocations that make no sense; the rest of the file is shown all the same. */
function relocationsOf(elf: ElfFile, section: ElfSection, problems: string[]): readonly ElfRelocation[] {
  try {
    return elf.relocations(section)
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    if (!problems.includes(error.message)) problems.push(error.message)
    return []
  }
}

function sumCounts(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const part of parts) for (const [name, count] of Object.entries(part)) sum[name] = (sum[name] ?? 0) + count
  return sum
}

function summarizeBtf(btf: Btf): NonNullable<Inspection['btf']> {
  const kinds: Partial<Record<BtfKind, number>> = {}
  for (let id = 1; id < btf.length; id++) kinds[btf.kindOf(id)] = (kinds[btf.kindOf(id)] ?? 0) + 1
  return { types: btf.length - 1, kinds }
}
