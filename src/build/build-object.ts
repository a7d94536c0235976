/**
 * Builds an object ahead of time: a WebAssembly module for each program, the guest runtime, and a small JavaScript module, with
 * types, that puts them together where nothing may be compiled.
 *
 * The object is loaded first, as `Runtime.load` does it, so that what cannot be loaded cannot be built, and for the same
 * reasons; the live maps tell the sizes that are constants of the code.
 * @module
 */
import { encodeBase64 } from '../aot/base64.ts'
import { type BuiltHelper, type BuiltMap, type BuiltObject, type BuiltProgram, FORMAT } from '../aot/built-object.ts'
import { nameMaps } from '../aot/map-indices.ts'
import { type CodePlace, linesToBytes, placesToBytes, SECTION } from '../aot/sections.ts'
import { encodeProgram } from '../isa/index.ts'
import { type Collection, type LoadOptions, type Program, Runtime } from '../loader/index.ts'
import { isEventName } from '../maps/event-codecs.ts'
import { linkProgram, type MapSpec, type ObjectSpec } from '../object/index.ts'
import type { Platform } from '../spec/index.ts'
import { AnybpfError, concatBytes, encodeUtf8 } from '../util/index.ts'
import { formatLiteral } from '../util/literal.ts'
import { ANYTHING, COUNT, checkOptions, OBJECT, type OptionTable, TEXT } from '../util/options.ts'
import { guestRuntimeBytes } from '../vm/guest-runtime.ts'
import { DEFAULT_BUDGET } from '../vm/index.ts'
import { compileAhead } from '../vm/jit/ahead-of-time.ts'
import { customSection } from './custom-section.ts'
import { fingerprint } from './fingerprint.ts'
import { type BuildDescription, writeDeclarations, writeModule } from './generated-module.ts'
import { MinimalTypes } from './minimal-types.ts'

export interface BuildOptions
  extends Pick<LoadOptions, 'programs' | 'globals' | 'kconfig' | 'ksyms' | 'targetBtf' | 'verify'> {
  /** What the files are called, without an extension: `firewall`. */
  readonly name: string
  /** Default `linux()`. */
  readonly platform?: Platform
  /** Instructions that a run may take unless it says otherwise; 0: count none. Default: none for verified programs, else 100 million. */
  readonly budget?: number
  /** What the first line of the module says of where it comes from: name and version of the tool, name of the object. */
  readonly origin?: string
}

const BUILD_OPTIONS: OptionTable<BuildOptions> = {
  name: TEXT,
  platform: OBJECT,
  budget: COUNT,
  origin: TEXT,
  // These are loading's.
  programs: ANYTHING,
  globals: ANYTHING,
  kconfig: ANYTHING,
  ksyms: ANYTHING,
  targetBtf: ANYTHING,
  verify: ANYTHING,
}

export interface BuiltFile {
  readonly name: string
  readonly bytes: Uint8Array
  /** What it is. `runtime` is the same in every build with this version. */
  readonly kind: 'module' | 'types' | 'runtime' | 'program'
  /** Of a `program`: its name. */
  readonly program?: string
}

export interface Build {
  readonly files: readonly BuiltFile[]
  readonly programs: readonly Program[]
}

/** Throws what `Runtime.load` throws, ERR_UNSUPPORTED for what the compiler cannot do, ERR_USAGE for a `name` that is no file's. */
export function buildObject(spec: ObjectSpec, options: BuildOptions): Build {
  checkOptions('buildObject', options, BUILD_OPTIONS)
  if (!/^[^/\\\0]+$/.test(options.name)) {
    throw new AnybpfError('ERR_USAGE', `${JSON.stringify(options.name)} is no name for files`)
  }
  const runtime = new Runtime({ ...(options.platform !== undefined && { platform: options.platform }) })
  try {
    const { programs, globals, kconfig, ksyms, targetBtf, verify } = options
    const collection = runtime.load(spec, {
      ...(programs !== undefined && { programs }),
      ...(globals !== undefined && { globals }),
      ...(kconfig !== undefined && { kconfig }),
      ...(ksyms !== undefined && { ksyms }),
      ...(targetBtf !== undefined && { targetBtf }),
      ...(verify !== undefined && { verify }),
    })
    if (Object.keys(collection.programs).length === 0) throw new AnybpfError('ERR_NOT_FOUND', 'no program to build')
    return new Builder(runtime, spec, collection, options).build()
  } finally {
    runtime.dispose()
  }
}

class Builder {
  private readonly runtime: Runtime
  private readonly spec: ObjectSpec
  private readonly collection: Collection
  private readonly options: BuildOptions
  private readonly mapNames: readonly string[]
  private readonly helpers = new Map<number, BuiltHelper>()
  private readonly ids = new Set<number>()

  constructor(runtime: Runtime, spec: ObjectSpec, collection: Collection, options: BuildOptions) {
    this.runtime = runtime
    this.spec = spec
    this.collection = collection
    this.options = options
    this.mapNames = Object.keys(collection.maps)
  }

  build(): Build {
    const { name, origin = 'anybpf' } = this.options
    const programs: Record<string, BuiltProgram> = Object.create(null)
    const programFiles: Record<string, string> = Object.create(null)
    const compiled: { file: string; program: string; bytes: Uint8Array }[] = []
    const taken = new Set<string>()
    for (const program of Object.values(this.collection.programs)) {
      const { built, bytes } = this.program(program)
      const file = freeName(`${name}.${program.name.replace(/[^\w.$-]/g, '_')}`, taken)
      programs[program.name] = built
      programFiles[program.name] = file
      compiled.push({ file, program: program.name, bytes })
    }
    const { platform } = this.runtime
    const { maps, mapTypes, types } = this.maps()
    const runtime = guestRuntimeBytes(false)
    const data: Omit<BuiltObject, 'build'> = {
      format: FORMAT,
      runtime: fingerprint([runtime]),
      platform: { name: platform.name, limits: platform.limits },
      programs,
      helpers: Object.fromEntries([...this.helpers].sort(([a], [b]) => a - b)),
      mapTypes,
      maps,
      types,
    }
    const build = fingerprint([encodeUtf8(formatLiteral(data)), ...compiled.map(({ bytes }) => bytes)])
    const object: BuiltObject = { build, ...data }
    const description: BuildDescription = { name, origin, object, files: { runtime: RUNTIME, programs: programFiles } }
    const files: BuiltFile[] = [
      { name: `${name}.js`, bytes: encodeUtf8(writeModule(description)), kind: 'module' },
      { name: `${name}.d.ts`, bytes: encodeUtf8(writeDeclarations(description)), kind: 'types' },
      { name: RUNTIME, bytes: mark(runtime, SECTION.runtime, data.runtime), kind: 'runtime' },
      ...compiled.map(({ file, program, bytes }) => {
        const marked = mark(bytes, SECTION.build, `${build} ${program}`)
        return { name: file, bytes: marked, kind: 'program', program } as const
      }),
    ]
    return { files, programs: Object.values(this.collection.programs) }
  }

  private program(program: Program): { built: BuiltProgram; bytes: Uint8Array } {
    const { executable, name, type, report } = program
    const { linked } = executable
    const places = linkProgram(this.spec, this.spec.programs[name]!).references.flatMap((reference) => {
      if (reference.kind !== 'map' && reference.kind !== 'map_value') return []
      const index = this.mapNames.indexOf(reference.map)
      return [{ slot: reference.slot, index, ...(reference.kind === 'map_value' && { offset: reference.offset }) }]
    })
    const insns = nameMaps(linked.insns, places)
    const code = encodeProgram(insns, 'little')
    const verified = report !== undefined
    const budget = this.options.budget ?? (verified ? 0 : DEFAULT_BUDGET)
    const id = this.freeId(code)
    const compiled = compileAhead(
      { ...executable, linked: { ...linked, insns } },
      {
        cpu: this.runtime.interpreter.cpu,
        maps: this.mapNames.map((map) => this.collection.maps[map]!.store),
        budget: budget !== 0,
        guard: !verified,
        id,
      },
    )
    // A register may call any helper.
    const { helpers } = this.runtime.machine
    const callsAny = insns.some((insn) => insn.kind === 'callx')
    const called = insns.flatMap((insn) => (insn.kind === 'call' && insn.target === 'helper' ? [insn.imm] : []))
    for (const number of callsAny ? helpers.keys() : called) this.addHelper(number)
    const built: BuiltProgram = {
      type,
      id,
      verified,
      ...(budget !== 0 && { budget }),
      helpers: compiled.helpers,
      runtime: compiled.runtime,
      exported: compiled.exported,
    }
    const bytes = concatBytes([
      compiled.bytes,
      customSection(SECTION.code, code),
      customSection(SECTION.places, placesToBytes(codePlaces(compiled))),
      customSection(SECTION.lines, linesToBytes(linked.lines ?? [])),
    ])
    return { built, bytes }
  }

  /** By the instructions, so that programs of several builds differ too; some of one build may be the same. */
  private freeId(code: Uint8Array): number {
    let id = Number.parseInt(fingerprint([code]).slice(-8), 16) >>> 1
    while (this.ids.has(id)) id = (id + 1) & 0x7fff_ffff
    this.ids.add(id)
    return id
  }

  private addHelper(number: number): void {
    const helper = this.runtime.machine.helpers.get(number)
    if (helper === undefined) return
    const { name, args, returns, tailCall } = helper.spec
    this.helpers.set(number, { name, args, returns, ...(tailCall === true && { tailCall }) })
  }

  private maps(): Pick<BuiltObject, 'maps' | 'mapTypes' | 'types'> {
    const types = this.spec.btf === undefined ? undefined : new MinimalTypes(this.spec.btf)
    const maps: Record<string, BuiltMap> = Object.create(null)
    const mapTypes: Record<number, string> = {}
    const { platform } = this.runtime
    let hasEvents = false
    for (const name of this.mapNames) {
      const spec = this.spec.maps[name]!
      for (const { type } of spec.innerMap === undefined ? [spec] : [spec, spec.innerMap]) {
        const known = platform.mapTypes.get(type)!
        mapTypes[type] = known.name
        if (known.records === true) hasEvents = true
      }
      maps[name] = this.map(name, spec, types)
    }
    // What records of a ring buffer look like is found by name and size among all structures.
    if (hasEvents && types !== undefined) {
      for (const type of this.spec.btf!.types) if (type.kind === 'struct' && isEventName(type.name)) types.add(type.id)
    }
    return { maps, mapTypes, types: types?.types ?? [] }
  }

  private map(name: string, spec: MapSpec, types: MinimalTypes | undefined): BuiltMap {
    const isData = spec.kind !== 'map'
    const map = this.collection.maps[name]!
    const contents = isData ? this.runtime.machine.memory.read(map.valueAddress, map.valueSize) : undefined
    const variables = (spec.variables ?? []).flatMap((variable) => {
      const type = variable.btfType === undefined ? undefined : types?.add(variable.btfType)
      return type === undefined ? [] : [[variable.name, variable.offset, type] as const]
    })
    const slots = (spec.initialSlots ?? []).map(({ index, target }) =>
      target.kind === 'map' ? { index, map: target.map } : { index, program: target.program },
    )
    return {
      ...(isData && { kind: spec.kind }),
      ...shape(spec, isData ? undefined : types),
      ...(spec.innerMap !== undefined && { inner: shape(spec.innerMap, types) }),
      ...(slots.length > 0 && { slots }),
      ...(variables.length > 0 && { variables }),
      ...(contents?.some((byte) => byte !== 0) && { contents: encodeBase64(contents) }),
    }
  }
}

const RUNTIME = 'runtime.wasm'

function shape(spec: MapSpec, types: MinimalTypes | undefined): BuiltMap {
  const { type, keySize, valueSize, maxEntries, flags, mapExtra } = spec
  const key = spec.btfKeyType === undefined ? undefined : types?.add(spec.btfKeyType)
  const value = spec.btfValueType === undefined ? undefined : types?.add(spec.btfValueType)
  return {
    ...{ type, keySize, valueSize, maxEntries },
    ...(flags !== 0 && { flags }),
    ...(mapExtra !== 0n && { mapExtra }),
    ...(key && { key }),
    ...(value && { value }),
  }
}

function mark(module: Uint8Array, section: string, text: string): Uint8Array {
  return concatBytes([module, customSection(section, encodeUtf8(text))])
}

/** A file name that differs from the others, also where case does not count. */
function freeName(base: string, taken: Set<string>): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? `${base}.wasm` : `${base}-${count}.wasm`
    if (taken.has(name.toLowerCase())) continue
    taken.add(name.toLowerCase())
    return name
  }
}

function codePlaces({ bytes, slotAt }: ReturnType<typeof compileAhead>): CodePlace[] {
  const places: CodePlace[] = []
  let last: number | undefined
  for (let offset = 0; offset < bytes.length; offset++) {
    const slot = slotAt(offset)
    if (slot === undefined || slot === last) continue
    places.push({ offset, slot })
    last = slot
  }
  return places
}
