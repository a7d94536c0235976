/**
 * Makes one flat program of an entry point and all functions that it reaches: calls and function addresses become
 * distances in slots, as a verifier, an engine or the kernel want them. References to maps and kernel symbols stay
 * symbolic, at their new slots.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-4.3.2 (program-local functions)
 * @module
 */
import type { BtfTypeId } from '../btf/index.ts'
import type { Instruction } from '../isa/index.ts'
import { AnybpfError } from '../util/index.ts'
import { CoreRelocations } from './core-relocations.ts'
import type {
  CoreRelocation,
  FunctionReference,
  FunctionSpec,
  LineInfo,
  ObjectSpec,
  ProgramSpec,
  Reference,
} from './spec.ts'

/** Slots of one flat program: what Linux takes from a privileged user (`BPF_COMPLEXITY_LIMIT_INSNS`). */
export const MAX_PROGRAM_SLOTS = 1_000_000

export interface LinkedFunction {
  readonly name: string
  /** Where it starts in the flat program. */
  readonly slot: number
  readonly slotCount: number
  readonly linkage: FunctionSpec['linkage']
  readonly hidden: boolean
  /** Its `func` in the object's BTF. */
  readonly btfType: BtfTypeId | undefined
}

export type LinkedReference = Exclude<Reference, FunctionReference>

export interface LinkedProgram {
  readonly program: ProgramSpec
  /** Slot-indexed; a new array, whose instructions may be replaced. */
  readonly insns: Instruction[]
  /** The program itself first, then what it reaches, in the order in which it is first referred to. */
  readonly functions: readonly LinkedFunction[]
  /** In order of slot. */
  readonly references: readonly LinkedReference[]
  /** In order of slot. */
  readonly lines: readonly LineInfo[]
  /** In order of slot. */
  readonly coreRelocations: readonly CoreRelocation[]
  /** Slots whose CO-RE relocation found nothing, and what it looked for: a call of a helper that there is not. */
  readonly poisoned: ReadonlyMap<number, string>
}

/**
 * Links a program of an object, with its CO-RE relocations applied: `core` says to what (by default to the object's own
 * types). Throws `ERR_LINK` if it, or a function that it reaches, is unusable or missing, `ERR_RELOCATION` for a CO-RE
 * relocation that cannot be applied, and `ERR_LIMIT` if the whole has more than {@link MAX_PROGRAM_SLOTS}.
 */
export function linkProgram(
  object: ObjectSpec,
  program: ProgramSpec,
  core: CoreRelocations = new CoreRelocations(object),
): LinkedProgram {
  const placed = placeFunctions(object, program)
  const insns: Instruction[] = []
  const references: LinkedReference[] = []
  const lines: LineInfo[] = []
  const coreRelocations: CoreRelocation[] = []
  const functions: LinkedFunction[] = []
  const poisoned = new Map<number, string>()
  for (const [spec, start] of placed.starts) {
    for (const insn of spec.insns) insns.push(insn)
    for (const [slot, what] of core.apply(spec, insns, start)) poisoned.set(slot, what)
    for (const reference of spec.references) {
      const slot = start + reference.slot
      if (reference.kind === 'function') {
        const target = placed.starts.get(placed.targets.get(reference.function)!)!
        insns[slot] = functionInstruction(spec, reference, insns[slot], target - slot - 1)
      } else {
        if (reference.kind === 'kfunc') insns[slot] = { kind: 'call', target: 'kfunc', imm: 0, off: 0 }
        references.push({ ...reference, slot })
      }
    }
    for (const line of spec.lines) lines.push({ ...line, slot: start + line.slot })
    for (const record of spec.coreRelocations) coreRelocations.push({ ...record, slot: start + record.slot })
    const { name, linkage, hidden = false, btfType } = spec
    functions.push({ name, slot: start, slotCount: spec.insns.length, linkage, hidden, btfType })
  }
  return { program, insns, functions, references, lines, coreRelocations, poisoned }
}

interface Placed {
  /** In order of their start. */
  readonly starts: Map<FunctionSpec, number>
  readonly targets: Map<string, FunctionSpec>
}

/** Breadth first, so that the order is that of first reference and nothing recurses. */
function placeFunctions(object: ObjectSpec, program: ProgramSpec): Placed {
  const starts = new Map<FunctionSpec, number>()
  const targets = new Map<string, FunctionSpec>()
  let size = 0
  const place = (spec: FunctionSpec): void => {
    if (spec.problem !== undefined) {
      throw new AnybpfError('ERR_LINK', `${program.name} cannot be linked: ${spec.problem.message}`, {
        cause: spec.problem,
      })
    }
    if (spec.insns.length === 0) throw new AnybpfError('ERR_LINK', `${program.name}: function ${spec.name} is empty`)
    starts.set(spec, size)
    size += spec.insns.length
    if (size > MAX_PROGRAM_SLOTS) {
      throw new AnybpfError('ERR_LIMIT', `${program.name} has more than ${MAX_PROGRAM_SLOTS} slots with its functions`)
    }
  }
  place(program)
  for (const [spec] of starts) {
    for (const reference of spec.references) {
      if (reference.kind !== 'function' || targets.has(reference.function)) continue
      const target = object.functions[reference.function] ?? object.programs[reference.function]
      if (target === undefined) {
        throw new AnybpfError('ERR_LINK', `${spec.name}: insn ${reference.slot}: no function ${reference.function}`)
      }
      targets.set(reference.function, target)
      if (!starts.has(target)) place(target)
    }
  }
  return { starts, targets }
}

function functionInstruction(
  spec: FunctionSpec,
  reference: FunctionReference,
  insn: Instruction | undefined,
  distance: number,
): Instruction {
  if (reference.via === 'call' && insn?.kind === 'call') {
    return { kind: 'call', target: 'local', imm: distance, off: 0 }
  }
  if (reference.via === 'address' && insn?.kind === 'lddw') {
    return { kind: 'lddw', source: 'code_addr', dst: insn.dst, imm: distance, imm2: 0 }
  }
  throw new AnybpfError(
    'ERR_LINK',
    `${spec.name}: insn ${reference.slot} refers to ${reference.function} and is ${insn?.kind ?? 'not there'}`,
  )
}
