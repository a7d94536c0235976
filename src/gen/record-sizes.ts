/**
 * Which sizes the records have that an object's programs send through a ring buffer or perf event array, as far as the code says so.
 * @module
 */
import type { Instruction, Register } from '../isa/index.ts'
import type { FunctionSpec, ObjectSpec } from '../object/index.ts'
import type { Platform } from '../spec/types.ts'

/** Where a helper that sends a record finds the map, and how many bytes the record has. */
interface Sender {
  readonly map: Register
  /** Undefined: a record's size is not told here. */
  readonly size?: Register
  /** Bits 32 to 51 ask for as many bytes of the packet, behind the data. */
  readonly flags?: Register
}

const PERF_OUTPUT: Sender = { map: 2, size: 5, flags: 3 }

const SENDERS: Readonly<Record<string, Sender>> = {
  ringbuf_reserve: { map: 1, size: 2 },
  ringbuf_output: { map: 1, size: 3 },
  ringbuf_reserve_dynptr: { map: 1 },
  perf_event_output: PERF_OUTPUT,
  skb_output: PERF_OUTPUT,
  xdp_output: PERF_OUTPUT,
}

/**
 * By map, the sizes in bytes of all records that the object sends through it; a map is left out if it could not be told of one of them, or
 * if nothing sends any. Looks back from each call as far as control can come from nowhere else.
 */
export function findRecordSizes(spec: ObjectSpec, platform: Platform): ReadonlyMap<string, ReadonlySet<number>> {
  const sizes = new Map<string, Set<number>>()
  const untold = new Set<string>()
  for (const caller of [...Object.values(spec.programs), ...Object.values(spec.functions)]) {
    const { insns } = caller
    let targets: ReadonlySet<number> | undefined
    for (let slot = 0; slot < insns.length; slot++) {
      const insn = insns[slot]!
      if (insn.kind !== 'call' || insn.target !== 'helper') continue
      const name = platform.helpers.get(insn.imm)?.name ?? ''
      const sender = Object.hasOwn(SENDERS, name) ? SENDERS[name]! : undefined
      if (sender === undefined) continue
      targets ??= jumpTargets(insns)
      const map = definition(insns, targets, slot, sender.map)
      const reference = caller.references.find((one) => one.kind === 'map' && one.slot === map)
      // Any map may be meant.
      if (reference?.kind !== 'map') return new Map()
      const size = recordSize(caller, targets, slot, sender)
      if (size === undefined) untold.add(reference.map)
      else sizes.set(reference.map, (sizes.get(reference.map) ?? new Set()).add(size))
    }
  }
  for (const map of untold) sizes.delete(map)
  return sizes
}

function recordSize(
  { insns, coreRelocations }: FunctionSpec,
  targets: ReadonlySet<number>,
  call: number,
  { size, flags }: Sender,
): number | undefined {
  if (size === undefined) return undefined
  if (flags !== undefined) {
    const value = constant(insns, targets, call, flags)
    if (value === undefined || ((value >> 32n) & 0xfffffn) !== 0n) return undefined
  }
  const at = definition(insns, targets, call, size)
  // A size that depends on the kernel.
  if (coreRelocations.some(({ slot }) => slot === at)) return undefined
  const bytes = constant(insns, targets, call, size)
  return bytes === undefined || bytes > 0xffff_ffffn ? undefined : Number(bytes)
}

/** The slot whose instruction gave a register the value that it has at `slot`, copies followed; undefined where that cannot be told. */
function definition(
  insns: readonly Instruction[],
  targets: ReadonlySet<number>,
  slot: number,
  register: Register,
): number | undefined {
  let wanted = register
  for (let at = slot; at > 0 && !targets.has(at); ) {
    at--
    const insn = insns[at]!
    switch (insn.kind) {
      case 'goto':
      case 'goto_indirect':
      case 'exit':
      case 'callx':
        return undefined
      case 'call':
      case 'load_packet':
        if (wanted <= 5) return undefined
        break
      case 'atomic':
        if (insn.fetch && (insn.src === wanted || wanted === 0)) return undefined
        break
      case 'alu':
        if (insn.dst !== wanted) break
        if (insn.op !== 'mov' || insn.width !== 64 || !('reg' in insn.src)) return at
        wanted = insn.src.reg
        break
      default:
        if ('dst' in insn && insn.dst === wanted && insn.kind !== 'jump') return at
    }
  }
  return undefined
}

function constant(
  insns: readonly Instruction[],
  targets: ReadonlySet<number>,
  slot: number,
  register: Register,
): bigint | undefined {
  const at = definition(insns, targets, slot, register)
  const insn = at === undefined ? undefined : insns[at]
  if (insn?.kind === 'lddw' && insn.source === 'imm64') {
    return (BigInt(insn.imm2 >>> 0) << 32n) | BigInt(insn.imm >>> 0)
  }
  if (insn?.kind !== 'alu' || insn.op !== 'mov' || !('imm' in insn.src)) return undefined
  return BigInt.asUintN(insn.width, BigInt(insn.src.imm))
}

/** Slots that jumps of the function lead to: all of them, if it has jumps that may lead anywhere. */
function jumpTargets(insns: readonly Instruction[]): ReadonlySet<number> {
  const targets = new Set<number>()
  if (insns.some(({ kind }) => kind === 'goto_indirect')) return new Set(insns.keys())
  insns.forEach((insn, slot) => {
    if (insn.kind === 'jump' || insn.kind === 'goto' || insn.kind === 'may_goto') targets.add(slot + 1 + insn.off)
  })
  return targets
}
