/**
 * From an `ObjectSpec` to a `Collection`: which programs, which maps they need, and every symbol's address.
 * @module
 */
import type { Btf } from '../btf/index.ts'
import type { BpfMap } from '../maps/index.ts'
import {
  CoreRelocations,
  type LinkedProgram as LinkedSpec,
  linkProgram,
  type ObjectSpec,
  type ProgramSpec,
} from '../object/index.ts'
import type { PacketInput, PacketOutput } from '../programs/index.ts'
import { AnybpfError, quoteName } from '../util/index.ts'
import { BOOLEAN, checkOptions, either, LIST, OBJECT, type OptionTable } from '../util/options.ts'
import type { VerifyOptions } from '../verifier/index.ts'
import { Collection } from './collection.ts'
import { globalContents, kernelVersionOf } from './globals.ts'
import { checkGivenMap, createLiveMap, fillSlots } from './live-map.ts'
import { ENGINE_OPTIONS, type EngineOptions, engineOptions, type Program } from './program.ts'
import { relocateProgram } from './relocate.ts'
import type { Runtime } from './runtime.ts'
import { LoadVerifier, verifiedAs } from './verification.ts'

export interface LoadOptions extends Partial<EngineOptions> {
  /**
   * The programs to load; the ones that they may tail-call through a static initialiser are added. Default: all whose
   * section does not start with `?`.
   */
  readonly programs?: readonly string[]
  /** Global variables by name: values by BTF, or bytes. Also those of `.rodata`, which nothing can change later. */
  readonly globals?: Readonly<Record<string, unknown>>
  /** Values of `.kconfig` externs: `y`, `n`, `m`, numbers, texts. */
  readonly kconfig?: Readonly<Record<string, unknown>>
  /**
   * Types of the kernel that CO-RE relocations are resolved to, and the verifier's kernel types unless `verify` names others.
   * Default: the object's own, so that instructions stay as they were compiled.
   */
  readonly targetBtf?: Btf
  /** Addresses of `.ksyms` externs. */
  readonly ksyms?: Readonly<Record<string, number>>
  /**
   * Verify before loading (default), with these options; a rejected program throws `VerificationError`. False: load
   * whatever it is; it then runs in the checked interpreter, unless `checked: false` names the other one, or `engine: 'jit'` the JIT,
   * which checks nothing.
   */
  readonly verify?: boolean | VerifyOptions
  /** Maps to use instead of making them: shared between objects. They must have the declared type and sizes. */
  readonly maps?: Readonly<Record<string, BpfMap>>
}

const LOAD_OPTIONS: OptionTable<LoadOptions> = {
  programs: LIST,
  globals: OBJECT,
  kconfig: OBJECT,
  ksyms: OBJECT,
  targetBtf: OBJECT,
  verify: either(BOOLEAN, OBJECT),
  maps: OBJECT,
  ...ENGINE_OPTIONS,
}

export function loadObject(runtime: Runtime, spec: ObjectSpec, options: LoadOptions): Collection {
  checkOptions('load', options, LOAD_OPTIONS)
  const wanted = selectPrograms(spec, options.programs)
  for (const program of wanted) checkProgramType(runtime, program)
  const core = new CoreRelocations(spec, options.targetBtf, { programs: wanted.map(({ name }) => name) })
  const linked = wanted.map((program) => linkProgram(spec, program, core))

  const contents = globalContents(spec, options.globals ?? {}, options.kconfig ?? {}, kernelVersionOf(runtime.platform))
  const verifier =
    options.verify === false
      ? undefined
      : new LoadVerifier(
          spec,
          runtime.platform,
          {
            ...(options.globals !== undefined && { globals: options.globals }),
            ...(options.kconfig !== undefined && { kconfig: options.kconfig }),
            givenMaps: new Set(Object.keys(options.maps ?? {})),
            absentKsyms: absentKsyms(spec, options.ksyms ?? {}),
          },
          {
            ...(options.targetBtf !== undefined && { kernelBtf: options.targetBtf }),
            ...(typeof options.verify === 'object' && options.verify),
          },
        )
  const given = givenMaps(runtime, spec, options.maps ?? {})
  const live = new Map<string, BpfMap>()
  const programs: Record<string, Program<PacketInput, PacketOutput>> = Object.create(null)
  const made: BpfMap[] = []
  try {
    const open = (name: string): BpfMap => {
      const known = live.get(name)
      if (known !== undefined) return known
      const map = spec.maps[name]
      if (map === undefined) throw new AnybpfError('ERR_LINK', `no map ${name}`)
      const shared = given.get(name)
      const opened = shared ?? createLiveMap(runtime, map, contents.get(map))
      if (shared === undefined) made.push(opened)
      live.set(name, opened)
      for (const slot of map.initialSlots ?? []) if (slot.target.kind === 'map') open(slot.target.map)
      return opened
    }
    const referenced = referencedMaps(linked)
    for (const name of Object.keys(spec.maps)) {
      // A map that no program here uses may be of a type that does not exist here; it is then left out.
      if (referenced.has(name) || runtime.canCreate(spec.maps[name]!)) open(name)
    }
    const addresses = {
      map: (name: string) => open(name).address,
      mapValue: (name: string, offset: number) => open(name).valueAddress + offset,
      ksym: (name: string) => ksymAddress(spec, name, options.ksyms ?? {}),
    }
    linked.forEach((program, i) => {
      const { type, name } = wanted[i]!
      checkHelpers(runtime, program, name)
      const report = verifier?.check(wanted[i]!, program)
      const relocated = { ...relocateProgram(spec, program, addresses), type, ...verifiedAs(report) }
      programs[name] = runtime.createProgram(relocated, runtime.programType(type), engineOptions(options, report))
    })
    for (const [name, map] of live) {
      const slots = spec.maps[name]?.initialSlots ?? []
      // As in libbpf: inner maps go only into maps that are made here. Ours would not outlive this collection.
      fillSlots(map, given.has(name) ? slots.filter(({ target }) => target.kind === 'program') : slots, live, programs)
    }
  } catch (error) {
    for (const program of Object.values(programs)) program.dispose()
    for (const map of made.reverse()) map.dispose()
    throw error
  }

  const maps: Record<string, BpfMap> = Object.create(null)
  for (const [name, map] of live) maps[name] = map
  const collection = new Collection(programs, maps, () => {
    for (const map of made.reverse()) map.dispose()
    runtime.forget(collection)
  })
  return collection
}

/** The caller's maps by name. Throws ERR_NOT_FOUND, and what {@link checkGivenMap} throws. */
function givenMaps(
  runtime: Runtime,
  spec: ObjectSpec,
  maps: Readonly<Record<string, BpfMap>>,
): ReadonlyMap<string, BpfMap> {
  const given = new Map(Object.entries(maps))
  for (const [name, map] of given) {
    const declared = spec.maps[name]
    if (declared === undefined) {
      throw new AnybpfError(
        'ERR_NOT_FOUND',
        `no map ${name}; the object has ${Object.keys(spec.maps).join(', ') || 'none'}`,
      )
    }
    checkGivenMap(runtime, declared, map)
  }
  return given
}

/** The programs that are asked for, and those that their maps name, each once, in the object's order. */
function selectPrograms(spec: ObjectSpec, names: readonly string[] | undefined): ProgramSpec[] {
  const all = Object.values(spec.programs)
  const chosen = new Set<string>()
  if (names === undefined) {
    for (const program of all) if (program.autoload) chosen.add(program.name)
  } else {
    for (const name of names) {
      if (spec.programs[name] === undefined) {
        const known = all.map((program) => program.name).join(', ')
        throw new AnybpfError('ERR_NOT_FOUND', `no program ${name}; the object has ${known || 'none'}`)
      }
      chosen.add(name)
    }
    addTailCallTargets(spec, chosen)
  }
  return all.filter((program) => chosen.has(program.name))
}

function checkProgramType(runtime: Runtime, { name, section, type }: ProgramSpec): void {
  try {
    runtime.programType(type)
  } catch (error) {
    if (!(error instanceof AnybpfError)) throw error
    const hint = type === 'unspec' ? `; its section, ${quoteName(section)}, does not tell the type` : ''
    throw new AnybpfError(error.code, `${name}: ${error.message}${hint}`, { cause: error })
  }
}

/** Follows prog_array initialisers from the chosen programs until nothing is added. */
function addTailCallTargets(spec: ObjectSpec, chosen: Set<string>): void {
  const pending = [...chosen]
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const used = referencedMaps([linkProgram(spec, spec.programs[name]!)])
    for (const map of used) {
      for (const { target } of spec.maps[map]?.initialSlots ?? []) {
        if (target.kind !== 'program' || chosen.has(target.program)) continue
        if (spec.programs[target.program] === undefined) continue
        chosen.add(target.program)
        pending.push(target.program)
      }
    }
  }
}

function referencedMaps(programs: readonly LinkedSpec[]): Set<string> {
  const names = new Set<string>()
  for (const program of programs) {
    for (const reference of program.references) {
      if (reference.kind === 'map' || reference.kind === 'map_value') names.add(reference.map)
    }
  }
  return names
}

/** A helper that the platform has and nobody here implements is found when loading, not when running. */
function checkHelpers(runtime: Runtime, program: LinkedSpec, name: string): void {
  program.insns.forEach((insn, slot) => {
    if (insn.kind !== 'call' || insn.target !== 'helper' || program.poisoned.has(slot)) return
    if (runtime.machine.helpers.has(insn.imm)) return
    const known = runtime.platform.helpers.get(insn.imm)
    const what =
      known === undefined
        ? `no helper ${insn.imm} on ${runtime.platform.name}`
        : `helper ${known.name} (${insn.imm}) cannot be run here yet`
    throw new AnybpfError('ERR_LINK', `${name}: insn ${slot}: ${what}`, { details: { helper: insn.imm, slot } })
  })
}

/** Symbols that will have the address 0: the kernel's BTF does not make them pointers. */
function absentKsyms(spec: ObjectSpec, ksyms: Readonly<Record<string, number>>): ReadonlySet<string> {
  const names = Object.keys(spec.externs)
  return new Set(names.filter((name) => (Object.hasOwn(ksyms, name) ? ksyms[name] === 0 : spec.externs[name]!.weak)))
}

function ksymAddress(spec: ObjectSpec, name: string, ksyms: Readonly<Record<string, number>>): number {
  if (Object.hasOwn(ksyms, name)) {
    const address = ksyms[name]!
    if (Number.isSafeInteger(address) && address >= 0) return address
    throw new AnybpfError('ERR_USAGE', `ksyms: the address of ${name} is ${address}, not a whole number below 2^53`)
  }
  if (spec.externs[name]?.weak === true) return 0
  throw new AnybpfError('ERR_LINK', `no kernel symbol ${name}: give its address with ksyms: { ${name}: … }`)
}
