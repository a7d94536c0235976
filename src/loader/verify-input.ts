/**
 * From an `ObjectSpec` to what the verifier is asked about: flat programs, with their maps as the kernel would have them
 * after a loader made them.
 * @see https://docs.kernel.org/bpf/libbpf/libbpf_overview.html
 * @module
 */
import type { Btf, BtfTypeId } from '../btf/index.ts'
import {
  CoreRelocations,
  type LinkedFunction,
  type LinkedProgram,
  type LinkedReference,
  linkProgram,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
} from '../object/index.ts'
import type { Platform } from '../spec/index.ts'
import { AnybpfError } from '../util/index.ts'
import { decodeForVerifier } from '../verifier/decode.ts'
import type {
  InvalidInstruction,
  VerifierFunction,
  VerifierMap,
  VerifierProgram,
  VerifierReference,
} from '../verifier/program.ts'
import { globalContents, kernelVersionOf } from './globals.ts'

/** `BPF_F_RDONLY_PROG`. */
const READ_ONLY_FOR_PROGRAMS = 0x80
const SLOT_BYTES = 8

export interface VerifyInputOptions {
  /** Global variables by name, as for loading: constants of `.rodata` decide which code is reachable. */
  readonly globals?: Readonly<Record<string, unknown>>
  readonly kconfig?: Readonly<Record<string, unknown>>
  /** Program type, where the section does not say or another one is wanted. */
  readonly type?: string
  /** With `type`: the attach type by bpftool's name. */
  readonly attachType?: string
  /** Maps that exist already, by name: what they hold is not what the object declares, so nothing is assumed of it. */
  readonly givenMaps?: ReadonlySet<string>
  /** Kernel symbols whose address is 0 where the programs run: none is taken for a pointer. */
  readonly absentKsyms?: ReadonlySet<string>
  /** Types of the kernel that the programs are for: CO-RE relocations are resolved to these. Default: the object's own. */
  readonly targetBtf?: Btf
}

/**
 * Makes the verifier's view of the programs of one object. Maps are shared: two programs that use one map are given the
 * same object.
 */
export class VerifyInput {
  private readonly spec: ObjectSpec
  private readonly options: VerifyInputOptions
  private readonly contents: ReadonlyMap<MapSpec, Uint8Array>
  private readonly maps = new Map<string, VerifierMap>()
  private readonly kconfigKnown: boolean
  private readonly core: CoreRelocations

  /** Throws what setting the globals throws: ERR_NOT_FOUND, ERR_USAGE. */
  constructor(spec: ObjectSpec, platform: Platform, options: VerifyInputOptions = {}) {
    this.spec = spec
    this.options = options
    this.core = new CoreRelocations(spec, options.targetBtf)
    const unset = unsetKconfig(spec, options.kconfig ?? {})
    this.kconfigKnown = unset.length === 0
    const kconfig = { ...options.kconfig, ...Object.fromEntries(unset) }
    this.contents = globalContents(spec, options.globals ?? {}, kconfig, kernelVersionOf(platform))
  }

  /**
   * Links a program and describes it. Throws ERR_LINK where it cannot be linked; a program whose bytes are not all
   * instructions is described as it is, for the verifier to say so.
   */
  program(program: ProgramSpec): VerifierProgram {
    if (program.code !== undefined) {
      return { ...this.identity(program), ...decodeForVerifier(wholeSlots(program.code), this.spec.byteOrder) }
    }
    return this.describe(program, linkProgram(this.spec, program, this.core))
  }

  /** Describes a program that was linked already. Its instructions must not have been relocated yet. */
  describe(program: ProgramSpec, linked: LinkedProgram): VerifierProgram {
    const { btf } = this.spec
    const functions = verifierFunctions(linked.functions, btf)
    return {
      ...this.identity(program),
      insns: linked.insns,
      references: this.references(linked),
      ...(linked.poisoned.size > 0 && { invalid: poisonedInstructions(linked) }),
      ...(functions !== undefined && { functions }),
      ...(btf !== undefined && { btf }),
      lines: linked.lines,
    }
  }

  private identity(program: ProgramSpec): Omit<VerifierProgram, 'insns'> {
    const { type = program.type, attachType = this.options.type === undefined ? program.attachType : undefined } =
      this.options
    return {
      name: program.name,
      type,
      ...(attachType !== undefined && { attachType }),
      ...(program.attachTo !== undefined && { attachTo: program.attachTo }),
      license: this.spec.license,
      sleepable: program.sleepable,
      frags: program.frags,
      byteOrder: this.spec.byteOrder,
    }
  }

  /** A map by its name in the object. Throws ERR_LINK if there is none. */
  map(name: string): VerifierMap {
    const made = this.maps.get(name)
    if (made !== undefined) return made
    const spec = this.spec.maps[name]
    if (spec === undefined) throw new AnybpfError('ERR_LINK', `no map ${name}`)
    const known = (spec.kind !== 'kconfig' || this.kconfigKnown) && this.options.givenMaps?.has(name) !== true
    const map = describeMap(spec, known ? this.contents.get(spec) : undefined, this.innerOf(spec))
    this.maps.set(name, map)
    return map
  }

  /** What the values of a map of maps look like: as declared, else as the first map that it is initialised with. */
  private innerOf(spec: MapSpec): VerifierMap | undefined {
    if (spec.innerMap !== undefined) return describeMap(spec.innerMap, undefined, undefined)
    for (const { target } of spec.initialSlots ?? []) {
      const inner = target.kind === 'map' ? this.spec.maps[target.map] : undefined
      if (inner !== undefined) return describeMap(inner, undefined, undefined)
    }
    return undefined
  }

  private references(linked: LinkedProgram): ReadonlyMap<number, VerifierReference> {
    const references = new Map<number, VerifierReference>()
    for (const reference of linked.references) references.set(reference.slot, this.reference(reference))
    return references
  }

  private reference(reference: LinkedReference): VerifierReference {
    switch (reference.kind) {
      case 'map':
        return { kind: 'map', map: this.map(reference.map) }
      case 'map_value':
        return { kind: 'map_value', map: this.map(reference.map), offset: reference.offset }
      case 'kfunc':
        return { kind: 'kfunc', name: reference.extern, weak: this.spec.externs[reference.extern]?.weak === true }
      case 'ksym': {
        const extern = this.spec.externs[reference.extern]
        const type = extern?.btfType
        return {
          kind: 'ksym',
          name: reference.extern,
          weak: extern?.weak === true,
          ...(type !== undefined && { btfType: type }),
          ...(this.options.absentKsyms?.has(reference.extern) === true && { absent: true }),
        }
      }
    }
  }
}

/** What CO-RE found nowhere may stand where no path leads. */
function poisonedInstructions({ poisoned }: LinkedProgram): ReadonlyMap<number, InvalidInstruction> {
  const invalid = new Map<number, InvalidInstruction>()
  for (const [slot, what] of poisoned) {
    const message = `failed to resolve CO-RE relocation ${what}`
    invalid.set(slot, { code: 'unresolved_relocation', message, early: false })
  }
  return invalid
}

/** Trailing bytes that make no slot are not part of any instruction. */
function wholeSlots(code: Uint8Array): Uint8Array {
  return code.subarray(0, code.length - (code.length % SLOT_BYTES))
}

/**
 * Externs of `.kconfig` that need a value and were given none, with bytes to stand in for it. A loader reads the running
 * kernel's configuration; here nothing is assumed of them: both ways of each test are followed.
 */
function unsetKconfig(spec: ObjectSpec, kconfig: Readonly<Record<string, unknown>>): [string, Uint8Array][] {
  const unset: [string, Uint8Array][] = []
  for (const map of Object.values(spec.maps)) {
    if (map.kind !== 'kconfig') continue
    for (const { name, size, linkage } of map.variables ?? []) {
      const weak = linkage === 'weak' || spec.externs[name]?.weak === true
      if (weak || name.startsWith('LINUX_') || Object.hasOwn(kconfig, name)) continue
      unset.push([name, new Uint8Array(size)])
    }
  }
  return unset
}

function describeMap(spec: MapSpec, contents: Uint8Array | undefined, inner: VerifierMap | undefined): VerifierMap {
  const constant = spec.kind === 'rodata' || spec.kind === 'kconfig'
  const { btf, btfKeyType, btfValueType, variables } = spec
  return {
    name: spec.name,
    type: spec.type,
    keySize: spec.keySize,
    valueSize: spec.valueSize,
    maxEntries: spec.maxEntries,
    flags: constant ? spec.flags | READ_ONLY_FOR_PROGRAMS : spec.flags,
    mapExtra: spec.mapExtra,
    ...(inner !== undefined && { inner }),
    ...(btf !== undefined && { btf }),
    ...(btfKeyType !== undefined && { btfKeyType }),
    ...(btfValueType !== undefined && { btfValueType }),
    ...(constant && contents !== undefined && { frozen: true, contents }),
    ...(variables !== undefined && { variables }),
  }
}

/**
 * The kernel is told of functions by BTF alone: without it all are static, and what BTF calls global is verified on its
 * own unless its symbol is hidden: loaders then change its BTF.
 */
function verifierFunctions(
  functions: readonly LinkedFunction[],
  btf: Btf | undefined,
): readonly VerifierFunction[] | undefined {
  if (btf === undefined || functions[0]?.btfType === undefined) return undefined
  return functions.map(({ name, slot, linkage, hidden, btfType }) => ({
    name,
    slot,
    linkage: !hidden && isGlobal(btf, btfType) ? linkage : 'static',
    btfType,
  }))
}

function isGlobal(btf: Btf, type: BtfTypeId | undefined): boolean {
  const func = type === undefined ? undefined : btf.get(type)
  return func?.kind === 'func' && func.linkage === 'global'
}
