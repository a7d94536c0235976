/**
 * Global data: each data section becomes an array map of one value, as libbpf does it, with its variables named.
 * `.kconfig` externs are laid out in such a map too, though the file has no bytes for them.
 * @see https://docs.ebpf.io/linux/concepts/global-variables/
 * @module
 */
import { type ElfSection, SECTION_FLAG, SECTION_TYPE } from '../elf/index.ts'
import { AnybpfError } from '../util/index.ts'
import { emptyMap } from './btf-maps.ts'
import type { ObjectFile } from './object-file.ts'
import type { MapKind, MapSpec, VariableSpec } from './spec.ts'

const LINUX_ARRAY = 2
const LINUX_STRUCT_OPS = 26
const LINUX_ARENA = 33
const PAGE_BYTES = 4096
/** `BPF_F_RDONLY_PROG`. */
const FLAG_READ_ONLY_FOR_PROGRAMS = 0x80

export const KCONFIG_SECTION = '.kconfig'
export const KSYMS_SECTION = '.ksyms'

/** Sections of data by the beginnings of their names: what each becomes. */
export const DATA_SECTIONS: readonly { readonly prefix: string; readonly kind: MapKind; readonly about: string }[] = [
  { prefix: '.data', kind: 'data', about: 'initialised variables: an array map of one value' },
  {
    prefix: '.rodata',
    kind: 'rodata',
    about: 'constants: the same, read-only for programs, and frozen when they are loaded',
  },
  { prefix: '.bss', kind: 'bss', about: 'variables that begin as zero: the same, without bytes in the file' },
  { prefix: '.addr_space.', kind: 'arena', about: 'variables of address space 1: the beginning of the arena map' },
]

/** What map a section of data becomes; undefined if it is none. */
export function dataKind(section: ElfSection): MapKind | undefined {
  if (section.type !== SECTION_TYPE.progbits && section.type !== SECTION_TYPE.nobits) return undefined
  if ((section.flags & SECTION_FLAG.alloc) === 0 || section.size === 0) return undefined
  if ((section.flags & SECTION_FLAG.execute) !== 0) return undefined
  const { name } = section
  return DATA_SECTIONS.find(
    ({ prefix }) => name === prefix || name.startsWith(prefix.endsWith('.') ? prefix : `${prefix}.`),
  )?.kind
}

/** The map of a section of data. */
export function readDataMap(file: ObjectFile, section: ElfSection, kind: MapKind): MapSpec {
  const spec: MapSpec = {
    ...emptyMap(section.name, kind, section.name),
    type: kind === 'arena' ? LINUX_ARENA : LINUX_ARRAY,
    keySize: kind === 'arena' ? 0 : 4,
    valueSize: kind === 'arena' ? 0 : section.size,
    maxEntries: 1,
    flags: kind === 'rodata' ? FLAG_READ_ONLY_FOR_PROGRAMS : 0,
    contents: file.copyOfData(section),
    variables: readVariables(file, section),
  }
  const datasec = file.btf?.find(section.name, 'datasec')
  if (datasec !== undefined && file.btf !== undefined) {
    spec.btf = file.btf
    spec.btfValueType = datasec.id
  }
  return spec
}

/**
 * Puts the global variables of address space 1 into the arena that the object declares: they lie at its beginning. Undefined
 * if it does not declare exactly one.
 */
export function addToArena(file: ObjectFile, section: ElfSection, maps: readonly MapSpec[]): MapSpec | undefined {
  const arenas = maps.filter((map) => map.type === LINUX_ARENA)
  const [arena] = arenas
  if (arena === undefined || arenas.length > 1) return undefined
  if (section.size > arena.maxEntries * PAGE_BYTES) {
    const room = `an arena of ${arena.maxEntries} pages`
    throw new AnybpfError('ERR_OBJECT', `section ${section.name} has ${section.size} bytes, and does not fit ${room}`)
  }
  arena.kind = 'arena'
  arena.contents = file.copyOfData(section)
  arena.variables = readVariables(file, section)
  return arena
}

/** Variables by their symbols; their types from BTF where it has them. In order of offset. */
function readVariables(file: ObjectFile, section: ElfSection): VariableSpec[] {
  const types = file.sectionVariables(section.name)
  const variables: VariableSpec[] = []
  const seen = new Set<string>()
  for (const symbol of file.symbolsIn(section)) {
    if (symbol.name === '' || symbol.type === 'section' || symbol.type === 'file' || seen.has(symbol.name)) continue
    const known = types.get(symbol.name)
    if (symbol.type !== 'object' && known === undefined) continue
    const size = known?.size ?? symbol.size
    if (!(symbol.value + size <= section.size)) continue
    seen.add(symbol.name)
    variables.push({
      name: symbol.name,
      offset: symbol.value,
      size,
      linkage: symbol.binding === 'local' ? 'static' : symbol.binding === 'weak' ? 'weak' : 'global',
      ...(known === undefined ? {} : { btfType: known.type }),
    })
  }
  return variables.sort((a, b) => a.offset - b.offset)
}

/** The map of `.kconfig` externs: largest alignment first, so that nothing is padded in between. */
export function readKconfigMap(file: ObjectFile): MapSpec | undefined {
  const { btf } = file
  const datasec = btf?.find(KCONFIG_SECTION, 'datasec')
  if (btf === undefined || datasec === undefined) return undefined
  const weak = new Set(file.elf.symbols.filter((symbol) => symbol.binding === 'weak').map((symbol) => symbol.name))
  const wanted = [...file.sectionVariables(KCONFIG_SECTION)].flatMap(([name, { type: id }]) => {
    const layout = file.attempt(() => ({ size: btf.sizeOf(id), align: btf.alignOf(id) }))
    return layout === undefined ? [] : [{ name, id, ...layout }]
  })
  wanted.sort((a, b) => b.align - a.align || b.size - a.size || (a.name < b.name ? -1 : 1))
  const variables: VariableSpec[] = []
  let end = 0
  for (const { name, id, size, align } of wanted) {
    const offset = Math.ceil(end / align) * align
    variables.push({ name, offset, size, btfType: id, linkage: weak.has(name) ? 'weak' : 'global' })
    end = offset + size
  }
  if (end === 0) return undefined
  return {
    ...emptyMap(KCONFIG_SECTION, 'kconfig', KCONFIG_SECTION),
    type: LINUX_ARRAY,
    keySize: 4,
    valueSize: end,
    maxEntries: 1,
    flags: FLAG_READ_ONLY_FOR_PROGRAMS,
    contents: file.zeros(end, KCONFIG_SECTION),
    variables,
    btf,
    btfValueType: datasec.id,
  }
}

export function isStructOps(section: ElfSection): boolean {
  return /^\??\.struct_ops(\.link)?$/.test(section.name) && section.size > 0
}

/** The variables of a struct_ops section: a map each, with the bytes of its value. */
export function readStructOpsMaps(file: ObjectFile, section: ElfSection): { offset: number; spec: MapSpec }[] {
  const data = file.copyOfData(section)
  const types = file.sectionVariables(section.name)
  const found: { offset: number; spec: MapSpec }[] = []
  for (const variable of readVariables(file, section)) {
    const known = types.get(variable.name)
    // Symbols of a hostile file may all lie over the same bytes.
    file.reserve(variable.size, section.name)
    const spec: MapSpec = {
      ...emptyMap(variable.name, 'struct_ops', section.name),
      type: LINUX_STRUCT_OPS,
      keySize: 4,
      valueSize: variable.size,
      maxEntries: 1,
      contents: data.slice(variable.offset, variable.offset + variable.size),
    }
    if (known !== undefined && file.btf !== undefined) {
      spec.btf = file.btf
      spec.btfValueType = known.type
    }
    found.push({ offset: variable.offset, spec })
  }
  return found
}
