/**
 * Reads a BPF object file: ELF, BTF and the conventions of libbpf to an {@link ObjectSpec}.
 *
 * What is wrong with a part is kept with that part (`FunctionSpec.problem`, `ObjectSpec.problems`), so that one bad
 * program does not hide the others; a file that is no BPF object at all is refused.
 * @see https://docs.kernel.org/bpf/standardization/abi.html
 * @see https://docs.kernel.org/bpf/libbpf/libbpf_overview.html
 * @module
 */
import {
  ELF_MACHINE_BPF,
  ELF_MACHINE_NONE,
  ELF_TYPE_RELOCATABLE,
  type ElfSection,
  parseElf,
  SECTION_UNDEFINED,
} from '../elf/index.ts'
import { sectionMeaning } from '../spec/sections.ts'
import { AnybpfError } from '../util/index.ts'
import { type FoundMap, isBtfMaps, readBtfMaps } from './btf-maps.ts'
import {
  addToArena,
  dataKind,
  isStructOps,
  KCONFIG_SECTION,
  KSYMS_SECTION,
  readDataMap,
  readKconfigMap,
  readStructOpsMaps,
} from './data-maps.ts'
import { type FoundFunction, isCode, readFunctions } from './functions.ts'
import { addTailCall, isLegacyMaps, readLegacyMaps } from './legacy-maps.ts'
import { emptyRecord, NameSpace, ObjectFile } from './object-file.ts'
import { relocateCode, relocateData, relocateMaps } from './relocate.ts'
import type { DataPointer, ExternSpec, FunctionSpec, MapSpec, ObjectSpec, ProgramSpec } from './spec.ts'
import { Targets } from './targets.ts'

/**
 * Reads an object file of either byte order. Throws `ERR_ELF` if it is no usable ELF file, `ERR_OBJECT` if it is not
 * one of BPF, `ERR_LIMIT` if it is absurdly large.
 */
export function parseObject(bytes: Uint8Array): ObjectSpec {
  const elf = parseElf(bytes)
  const { machine, type, byteOrder } = elf.header
  if (machine !== ELF_MACHINE_BPF && machine !== ELF_MACHINE_NONE) {
    throw new AnybpfError('ERR_OBJECT', `not a BPF object: the ELF file is for machine ${machine}, and BPF is 247`)
  }
  if (type !== ELF_TYPE_RELOCATABLE) {
    throw new AnybpfError('ERR_OBJECT', `not a relocatable object: the type of the ELF file is ${type}, not 1`)
  }
  return new ObjectParser(new ObjectFile(elf), {
    byteOrder,
    license: '',
    programs: emptyRecord(),
    functions: emptyRecord(),
    maps: emptyRecord(),
    externs: emptyRecord(),
    problems: [],
  }).parse()
}

/** Maps that hold bytes in which addresses may have to be filled in. */
interface DataSection {
  readonly section: ElfSection
  /** The map, or maps at their offsets, that the section became. */
  readonly maps: readonly { readonly offset: number; readonly spec: MapSpec }[]
  readonly bytes: Uint8Array
}

class ObjectParser {
  private readonly file: ObjectFile
  private readonly spec: ObjectSpec
  private readonly targets: Targets
  private readonly functionNames = new NameSpace()
  private readonly mapNames = new NameSpace()
  private readonly dataSections: DataSection[] = []
  /** The first section `.maps`; BTF describes only one. */
  private readonly btfMaps: { readonly section: ElfSection; readonly maps: readonly FoundMap[] }[] = []

  constructor(file: ObjectFile, spec: ObjectSpec) {
    this.file = file
    this.spec = spec
    this.targets = new Targets(file.elf.sections.map((section) => section.name))
  }

  parse(): ObjectSpec {
    const { file, spec } = this
    const functions = readFunctions(file)
    this.readInfoSections()
    this.addMaps()
    this.addFunctions(functions)
    this.addReferencedData()
    this.relocate(functions)
    this.addExterns()
    if (file.btf !== undefined) spec.btf = file.btf
    spec.problems = file.problems
    return spec
  }

  private readInfoSections(): void {
    const { file, spec } = this
    const license = file.elf.section('license')
    if (license !== undefined) spec.license = file.attempt(() => file.text(license)) ?? ''
    const version = file.elf.section('version')
    const data = version && file.attempt(() => file.data(version))
    if (data !== undefined && data.length >= 4) {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
      spec.kernelVersion = view.getUint32(0, spec.byteOrder === 'little')
    }
  }

  private addMaps(): void {
    const { file, targets } = this
    const { sections } = file.elf
    for (const section of sections) {
      if (!isBtfMaps(section) || this.btfMaps.length > 0) continue
      const maps = readBtfMaps(file, section)
      this.btfMaps.push({ section, maps })
      for (const found of maps) this.addFoundMap(found)
    }
    for (const found of readLegacyMaps(file, sections.filter(isLegacyMaps))) this.addFoundMap(found)
    for (const section of sections) {
      const kind = dataKind(section)
      if (kind !== undefined) this.addDataSection(section, kind)
      else if (isStructOps(section)) this.addStructOps(section)
    }
    const kconfig = readKconfigMap(file)
    if (kconfig !== undefined) {
      this.addMap(kconfig)
      for (const { name, offset } of kconfig.variables!) targets.addKconfig(name, kconfig.name, offset)
    }
  }

  private addFoundMap(found: FoundMap): void {
    this.targets.addMap(found.section.index, found.offset, this.addMap(found.spec))
  }

  private addMap(spec: MapSpec): string {
    spec.name = this.mapNames.claim(spec.name, spec.section)
    this.spec.maps[spec.name] = spec
    return spec.name
  }

  private addDataSection(section: ElfSection, kind: MapSpec['kind']): void {
    const declared = this.btfMaps.flatMap(({ maps }) => maps.map(({ spec }) => spec))
    const arena = kind === 'arena' ? this.file.attempt(() => addToArena(this.file, section, declared)) : undefined
    if (arena !== undefined) {
      this.targets.addData(section.index, arena.name, section.size)
      this.dataSections.push({ section, maps: [{ offset: 0, spec: arena }], bytes: arena.contents! })
      return
    }
    const spec = this.file.attempt(() => readDataMap(this.file, section, kind))
    if (spec === undefined) return
    this.targets.addData(section.index, this.addMap(spec), section.size)
    this.dataSections.push({ section, maps: [{ offset: 0, spec }], bytes: spec.contents! })
  }

  private addStructOps(section: ElfSection): void {
    const maps = this.file.attempt(() => readStructOpsMaps(this.file, section))
    if (maps === undefined) return
    for (const { offset, spec } of maps) this.targets.addMap(section.index, offset, this.addMap(spec))
    this.dataSections.push({ section, maps, bytes: this.file.data(section) })
  }

  /** A data section of another name is a map only if code refers to it. */
  private addReferencedData(): void {
    const { file } = this
    const { sections, symbols } = file.elf
    const known = new Set(this.dataSections.map(({ section }) => section.index))
    for (const section of sections) {
      if (!isCode(section)) continue
      for (const relocation of file.relocations(section)) {
        const target = sections[symbols[relocation.symbol]!.section]
        if (target === undefined || target.index === SECTION_UNDEFINED || known.has(target.index)) continue
        known.add(target.index)
        if (isCode(target) || isBtfMaps(target) || isLegacyMaps(target)) continue
        const kind = dataKind({ ...target, name: '.data' })
        if (kind !== undefined) this.addDataSection(target, kind)
      }
    }
  }

  private addFunctions(found: readonly FoundFunction[]): void {
    const { spec } = this
    const isSubprogram = (section: string): boolean => section === '.text' || section.startsWith('.text.')
    const named = found.some(({ section }) => !isSubprogram(section.name))
    // Where nothing has a section of its own, `.text` holds the programs: its global functions, if it has any.
    const someGlobal = found.some(({ spec: { linkage } }) => linkage !== 'static')
    for (const { section, start, spec: found_ } of found) {
      found_.name = this.functionNames.claim(found_.name, section.name)
      this.targets.addFunction(section.index, start, found_.name)
      const isProgram = named ? !isSubprogram(section.name) : !someGlobal || found_.linkage !== 'static'
      if (isProgram) spec.programs[found_.name] = programSpec(found_)
      else spec.functions[found_.name] = found_
    }
    this.addTailCalls()
  }

  /** iproute2 loads them as programs of the type of the one that it was asked for. */
  private addTailCalls(): void {
    const programs = Object.values(this.spec.programs)
    const maps = Object.values(this.spec.maps)
    const type = programs.find((program) => program.type === 'sched_cls' || program.type === 'sched_act')?.type
    for (const program of programs) {
      if (program.type !== 'unspec' || !addTailCall(maps, program.section, program.name)) continue
      program.type = type ?? 'sched_cls'
    }
  }

  private relocate(functions: readonly FoundFunction[]): void {
    const { file, targets, spec } = this
    for (let i = 0; i < functions.length; ) {
      const { section } = functions[i]!
      const first = i
      while (i < functions.length && functions[i]!.section === section) i++
      // The record holds the program, which is a widened copy of what was found.
      const current = functions.slice(first, i).map((found) => ({
        ...found,
        spec: spec.programs[found.spec.name] ?? spec.functions[found.spec.name]!,
      }))
      relocateCode(file, section, current, targets)
    }
    for (const { section, maps, bytes } of this.dataSections) {
      const pointers = relocateData(file, section, bytes, targets)
      let next = 0
      for (const { offset, spec: map } of maps) {
        const own: DataPointer[] = []
        const end = offset + map.contents!.length
        while (next < pointers.length && pointers[next]!.offset < offset) next++
        for (; next < pointers.length && pointers[next]!.offset < end; next++) {
          own.push({ ...pointers[next]!, offset: pointers[next]!.offset - offset })
        }
        if (own.length > 0) map.pointers = own
      }
    }
    for (const { section, maps } of this.btfMaps) relocateMaps(file, section, maps, targets)
  }

  /** Undefined symbols that something refers to, and those that BTF declares. */
  private addExterns(): void {
    const { file, spec } = this
    const { btf } = file
    const wanted = new Set<string>()
    const all: FunctionSpec[] = [...Object.values(spec.programs), ...Object.values(spec.functions)]
    for (const { references } of all) {
      for (const reference of references) if ('extern' in reference) wanted.add(reference.extern)
    }
    for (const map of Object.values(spec.maps)) {
      for (const { target } of map.pointers ?? []) if (target.kind === 'extern') wanted.add(target.extern)
    }
    const types = new Map<string, number>()
    for (const section of [KSYMS_SECTION, KCONFIG_SECTION]) {
      for (const { type } of btf?.find(section, 'datasec')?.variables ?? []) types.set(btf!.type(type).name, type)
    }
    const weak = new Set<string>()
    for (const symbol of file.elf.symbols) {
      if (symbol.section === SECTION_UNDEFINED && symbol.binding === 'weak') weak.add(symbol.name)
    }
    for (const name of wanted) {
      const entry: ExternSpec = { name, weak: weak.has(name) }
      const type = types.get(name)
      if (type !== undefined) entry.btfType = type
      spec.externs[name] = entry
    }
  }
}

function programSpec(spec: FunctionSpec): ProgramSpec {
  const meaning = sectionMeaning(spec.section)
  const program: ProgramSpec = {
    ...spec,
    type: meaning?.type ?? 'unspec',
    sleepable: meaning?.sleepable ?? false,
    frags: meaning?.frags ?? false,
    autoload: meaning?.autoload ?? !spec.section.startsWith('?'),
  }
  if (meaning?.attachType !== undefined) program.attachType = meaning.attachType
  if (meaning?.attachTo !== undefined) program.attachTo = meaning.attachTo
  return program
}
