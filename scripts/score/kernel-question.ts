/**
 * A program of ours as a question to the running kernel: may it be loaded?
 * @module
 */
import { parseBtf } from '../../src/btf/index.ts'
import { encodeProgram, type Instruction } from '../../src/isa/index.ts'
import { LINUX_ATTACH_TYPES } from '../../src/spec/attach-types.ts'
import type { Platform } from '../../src/spec/index.ts'
import { bytesToHex } from '../../src/util/index.ts'
import type { VerifierMap, VerifierProgram, VerifierReference } from '../../src/verifier/program.ts'

/** What the kernel says of it. */
export interface KernelVerdict {
  /** Why it could not be asked. */
  readonly error?: string
  readonly accepted?: boolean
  readonly errno?: number
  /** The last lines of its log. */
  readonly log?: readonly string[]
}

export interface QuestionOptions {
  /** The program's types: the section `.BTF` of its object. */
  readonly types?: Uint8Array
  /** `BPF_F_*` of loading. */
  readonly flags?: number
}

/** For `KernelOracle.ask`. */
export function kernelQuestion(program: VerifierProgram, platform: Platform, options: QuestionOptions = {}): object {
  const maps = mapsOf(program)
  const types = options.types === undefined ? undefined : bytesToHex(kernelTypes(options.types))
  const numbers = new Map(maps.map((map, i) => [map, i]))
  const functions = program.functions?.map(({ slot, btfType }) => [slot, btfType ?? 0])
  const fixups = [...(program.references ?? [])].flatMap(([slot, reference]) =>
    'map' in reference ? [{ slot, map: numbers.get(reference.map) }] : [],
  )
  const insns = program.insns.map((insn, slot) => symbolic(insn, program.references?.get(slot)))
  return {
    maps: maps.map((map) => kernelMap(map, types)),
    programs: [
      {
        insns: bytesToHex(encodeProgram(insns, 'little')),
        type: platform.programTypes.get(program.type)!.id,
        attach: Math.max(0, LINUX_ATTACH_TYPES.indexOf(program.attachType ?? '')),
        license: program.license,
        flags: options.flags ?? 0,
        fixups,
        ...(types !== undefined && functions !== undefined && { btf: types, functions }),
      },
    ],
    verify: 0,
  }
}

/** Each map that it refers to, once. */
export function mapsOf(program: VerifierProgram): VerifierMap[] {
  const maps = new Set<VerifierMap>()
  for (const reference of program.references?.values() ?? []) if ('map' in reference) maps.add(reference.map)
  return [...maps]
}

/** The kernel tells a map from a number by the source field of the load. */
function symbolic(insn: Instruction, reference: VerifierReference | undefined): Instruction {
  if (insn.kind !== 'lddw' || reference === undefined) return insn
  return reference.kind === 'map_value'
    ? { ...insn, source: 'map_value', imm: 0, imm2: reference.offset }
    : { ...insn, source: 'map_fd', imm: 0, imm2: 0 }
}

function kernelMap(map: VerifierMap, types: string | undefined): object {
  // The kernel wants to see the types of a value only where something in it is its own: a lock, a timer.
  const typed = types !== undefined && map.btfValueType !== undefined && map.variables === undefined && map.keySize > 0
  return {
    type: map.type,
    key: map.keySize,
    value: map.valueSize,
    entries: map.maxEntries,
    flags: map.flags,
    ...(map.inner !== undefined && { inner: kernelMap(map.inner, undefined) }),
    ...(typed && { btf: types, btfKey: map.btfKeyType ?? 0, btfValue: map.btfValueType }),
    ...(map.contents !== undefined && map.frozen === true && { initial: [['00000000', bytesToHex(map.contents)]] }),
    ...(map.frozen === true && { frozen: true }),
  }
}

const HEADER_LENGTH_AT = 4
const TYPES_AT = 8
const DATASEC = 15
/** Bytes after the 12 of each type, by kind: fixed, and for each element. */
const TRAILING: ReadonlyMap<number, readonly [fixed: number, each: number]> = new Map([
  [1, [4, 0]],
  [3, [12, 0]],
  [4, [0, 12]],
  [5, [0, 12]],
  [6, [0, 8]],
  [13, [0, 8]],
  [14, [4, 0]],
  [DATASEC, [0, 12]],
  [17, [4, 0]],
  [19, [0, 12]],
])

/** Types as a loader hands them over: a compiler leaves sizes of sections and places in them to it. */
export function kernelTypes(section: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(section)
  const view = new DataView(bytes.buffer)
  const btf = parseBtf(section)
  const start = view.getUint32(HEADER_LENGTH_AT, true) + view.getUint32(TYPES_AT, true)
  const end = start + view.getUint32(TYPES_AT + 4, true)
  for (let at = start, id = 1; at < end; id++) {
    const info = view.getUint32(at + 4, true)
    const [fixed, each] = TRAILING.get((info >>> 24) & 0x1f) ?? [0, 0]
    const type = btf.type(id)
    if (type.kind === 'datasec') {
      let offset = 0
      type.variables.forEach(({ size }, i) => {
        view.setUint32(at + 12 + 12 * i + 4, offset, true)
        offset += Math.ceil(size / 8) * 8
      })
      view.setUint32(at + 8, Math.max(offset, 1), true)
    }
    at += 12 + fixed + each * (info & 0xffff)
  }
  return bytes
}
