/**
 * Maps as they were declared before BTF: records of 32-bit numbers in a section `maps`, or one to a section `maps/NAME`.
 *
 * The first four numbers are the same everywhere: type, key size, value size, entries; the fifth is the flags. What
 * follows differs: 28 bytes are the Linux samples' record (index of the inner map, NUMA node) or iproute2's (id,
 * pinning); 36 bytes are iproute2's with id and index of the inner map.
 * @see https://git.kernel.org/pub/scm/network/iproute2/iproute2.git/tree/include/bpf_elf.h (struct bpf_elf_map)
 * @module
 */
import type { ElfSection, ElfSymbol } from '../elf/index.ts'
import { AnybpfError, ByteReader, quoteName } from '../util/index.ts'
import { emptyMap, type FoundMap } from './btf-maps.ts'
import type { ObjectFile } from './object-file.ts'
import type { MapSpec } from './spec.ts'

const MIN_RECORD = 16
const FLAG_NUMA_NODE = 4
const LINUX_PROG_ARRAY = 3
/** Linux: array_of_maps, hash_of_maps. */
const MAP_IN_MAP_TYPES: readonly number[] = [12, 13]

/** Positions in `legacyFields`, which begins after the flags. */
const ID_OR_INNER_INDEX = 0
const PINNING_OR_NUMA = 1
const INNER_ID = 2
const INNER_INDEX = 3
const ELF_MAP_FIELDS = 4

export function isLegacyMaps(section: ElfSection): boolean {
  return (section.name === 'maps' || section.name.startsWith('maps/')) && section.size > 0
}

/** The maps of all sections of this kind, inner maps resolved. */
export function readLegacyMaps(file: ObjectFile, sections: readonly ElfSection[]): FoundMap[] {
  const found = sections.flatMap((section) => file.attempt(() => readSection(file, section)) ?? [])
  const byId = new Map<number, MapSpec>()
  for (const { spec } of found) {
    const id = spec.legacyFields?.[ID_OR_INNER_INDEX]
    if (id !== undefined && !byId.has(id)) byId.set(id, spec)
  }
  // All are copied before any gets its inner map, so that records that name each other nest one level deep, as in Linux.
  const inners = found.map(({ spec }) =>
    MAP_IN_MAP_TYPES.includes(spec.type) ? innerOf(spec, found, byId) : undefined,
  )
  const copies = inners.map((inner) => inner && { ...inner })
  found.forEach(({ spec }, i) => {
    const inner = copies[i]
    if (inner !== undefined && inners[i] !== spec) spec.innerMap = inner
  })
  return found
}

/** `42/3`: a program for slot 3 of the program array with the id 42. Numbers as in C: `0x2a/3`. */
const TAIL_SECTION = /^(0x[0-9a-f]+|\d+)\/(0x[0-9a-f]+|\d+)$/i

/** Where iproute2 puts a program of a section of this name; undefined for any other. */
export function tailCallSlot(section: string): { readonly id: number; readonly index: number } | undefined {
  const [, id, index] = TAIL_SECTION.exec(section) ?? []
  return id === undefined || index === undefined ? undefined : { id: cNumber(id), index: cNumber(index) }
}

function cNumber(text: string): number {
  return /^0\d/.test(text) ? Number.parseInt(text, 8) : Number(text)
}

/** Puts programs into the program arrays that their sections name. True if there is one, of iproute2's kind. */
export function addTailCall(maps: readonly MapSpec[], section: string, program: string): boolean {
  const slot = tailCallSlot(section)
  const map = maps.find(
    ({ type, legacyFields = [] }) =>
      type === LINUX_PROG_ARRAY &&
      legacyFields.length >= ELF_MAP_FIELDS &&
      legacyFields[ID_OR_INNER_INDEX] === slot?.id,
  )
  if (slot === undefined || map === undefined) return false
  map.initialSlots ??= []
  map.initialSlots.push({ index: slot.index, target: { kind: 'program', program } })
  return true
}

function readSection(file: ObjectFile, section: ElfSection): FoundMap[] {
  const data = file.data(section)
  const byOffset = new Map<number, ElfSymbol>()
  for (const symbol of file.symbolsIn(section)) {
    const usable = symbol.name !== '' && (symbol.type === 'object' || symbol.type === 'notype')
    if (usable && symbol.value < data.length && !byOffset.has(symbol.value)) byOffset.set(symbol.value, symbol)
  }
  const symbols = [...byOffset.values()].sort((a, b) => a.value - b.value)
  const named: { name: string; offset: number }[] = symbols.map(({ name, value }) => ({ name, offset: value }))
  if (named.length === 0 && section.name.startsWith('maps/')) {
    named.push({ name: section.name.slice('maps/'.length), offset: 0 })
  }
  const reader = new ByteReader(data, file.elf.header.byteOrder, 'ERR_OBJECT')
  const found: FoundMap[] = []
  named.forEach(({ name, offset }, i) => {
    const size = (named[i + 1]?.offset ?? data.length) - offset
    const spec = file.attempt(() => readRecord(file, reader, { name, offset, size }, section))
    if (spec !== undefined) found.push({ section, offset, size, spec, valuesOffset: undefined })
  })
  return found
}

function readRecord(
  file: ObjectFile,
  reader: ByteReader,
  record: { readonly name: string; readonly offset: number; readonly size: number },
  section: ElfSection,
): MapSpec {
  const { name, offset, size } = record
  if (size < MIN_RECORD) {
    throw new AnybpfError(
      'ERR_OBJECT',
      `map ${quoteName(name)} has a record of ${size} bytes, of at least ${MIN_RECORD}`,
    )
  }
  const field = (index: number): number =>
    4 * index + 4 <= size ? reader.u32(offset + 4 * index, `map ${quoteName(name)}`) : 0
  const spec: MapSpec = {
    ...emptyMap(name, 'map', section.name),
    type: field(0),
    keySize: field(1),
    valueSize: field(2),
    maxEntries: field(3),
    flags: field(4),
  }
  const extra: number[] = []
  for (let index = 5; index < Math.min(size / 4, 10); index++) extra.push(field(index))
  if (extra.length > 0) spec.legacyFields = extra
  if ((spec.flags & FLAG_NUMA_NODE) !== 0) spec.numaNode = extra[PINNING_OR_NUMA] ?? 0
  else if (extra.length >= 2 && !(MAP_IN_MAP_TYPES.includes(spec.type) && extra.length < ELF_MAP_FIELDS)) {
    spec.pinning = extra[PINNING_OR_NUMA]!
  }
  annotate(file, spec)
  return spec
}

/** `BPF_ANNOTATE_KV_PAIR(name, key, value)` left a struct `____btf_map_name` with the two as members. */
function annotate(file: ObjectFile, spec: MapSpec): void {
  const { btf } = file
  const annotation = btf?.find(`____btf_map_${spec.name}`, 'struct')
  if (btf === undefined || annotation === undefined) return
  for (const member of annotation.members) {
    if (member.name === 'key' && btf.sizeOf(member.type) === spec.keySize) spec.btfKeyType = member.type
    if (member.name === 'value' && btf.sizeOf(member.type) === spec.valueSize) spec.btfValueType = member.type
  }
  spec.btf = btf
}

function innerOf(spec: MapSpec, maps: readonly FoundMap[], byId: ReadonlyMap<number, MapSpec>): MapSpec | undefined {
  const fields = spec.legacyFields ?? []
  if (fields.length < ELF_MAP_FIELDS) return maps[fields[ID_OR_INNER_INDEX] ?? -1]?.spec
  const id = fields[INNER_ID]!
  if (id !== 0) return byId.get(id)
  return maps[fields[INNER_INDEX]!]?.spec
}
