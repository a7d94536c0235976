/**
 * Which registers may still be read, before each instruction: the others need not be compared between states.
 *
 * A call of another function counts as reading r1 to r5, a call of a helper as reading as many as it has arguments.
 * @module
 */
import type { Instruction, Operand } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import { callShape } from './calls.ts'
import { successorsOf } from './successors.ts'

const CALLER_SAVED = 0b111111
const ARGUMENTS = 0b111110
const ALL = 0xffff

const operandUse = (operand: Operand): number => ('reg' in operand ? 1 << operand.reg : 0)

/** The registers that an instruction reads (low half) and writes (high half). */
function usesAndDefinitions(env: Environment, insn: Instruction, slot: number): number {
  let use = 0
  let def = 0
  switch (insn.kind) {
    case 'alu':
      def = 1 << insn.dst
      use = operandUse(insn.src) | (insn.op === 'mov' ? 0 : def)
      break
    case 'neg':
    case 'endian':
      use = def = 1 << insn.dst
      break
    case 'movsx':
    case 'addr_space_cast':
      def = 1 << insn.dst
      use = 1 << insn.src
      break
    case 'load':
    case 'load_acquire':
      def = 1 << insn.dst
      use = 1 << insn.base
      break
    case 'store':
      use = (1 << insn.base) | operandUse(insn.src)
      break
    case 'store_release':
      use = (1 << insn.base) | (1 << insn.src)
      break
    case 'atomic':
      use = (1 << insn.base) | (1 << insn.src)
      if (insn.op === 'cmpxchg') {
        use |= 1
        def = 1
      } else if (insn.fetch) {
        def = 1 << insn.src
      }
      break
    case 'lddw':
      def = 1 << insn.dst
      break
    case 'goto':
    case 'may_goto':
      break
    case 'jump':
      use = (1 << insn.dst) | operandUse(insn.src)
      break
    case 'exit':
      use = 1
      break
    case 'call': {
      def = CALLER_SAVED
      const shape = callShape(env, insn, slot)
      use = shape === undefined ? ARGUMENTS : (1 << (shape.args + 1)) - 2
      break
    }
    case 'wide_tail':
      break
    default:
      // Loads from packets read the context besides, and end the program where they fail.
      use = ALL
  }
  return (use & 0xffff) | (def << 16)
}

/**
 * Fills `env.liveRegisters`. What changes at a slot is passed on to the slots before it until nothing changes; a slot
 * changes at most once for each register, so the time is linear in the length of the program however its loops lie.
 */
export function computeLiveRegisters(env: Environment): void {
  const { insns, postorder } = env
  const live = env.liveRegisters
  const uses = new Uint16Array(insns.length)
  const kept = new Uint16Array(insns.length)
  for (let slot = 0; slot < insns.length; slot++) {
    env.charge(1)
    const both = usesAndDefinitions(env, insns[slot]!, slot)
    uses[slot] = both & 0xffff
    kept[slot] = ~(both >>> 16) & 0xffff
  }
  const { starts, slots: predecessors } = predecessorsOf(env)
  const next = new Int32Array(2)
  // Slots to look at again: a ring, long enough for all of them, since none waits in it twice.
  const queue = Int32Array.from(postorder)
  const waits = new Uint8Array(insns.length).fill(1)
  let head = 0
  let waiting = queue.length
  while (waiting > 0) {
    env.charge(1)
    const slot = queue[head]!
    head = head + 1 === queue.length ? 0 : head + 1
    waiting--
    waits[slot] = 0
    const successors = successorsOf(insns, slot, next)
    let after = 0
    for (let s = 0; s < successors; s++) after |= live[next[s]!]!
    const before = (after & kept[slot]!) | uses[slot]!
    if (before === live[slot]) continue
    live[slot] = before
    for (let i = starts[slot]!; i < starts[slot + 1]!; i++) {
      const predecessor = predecessors[i]!
      if (waits[predecessor] === 1) continue
      waits[predecessor] = 1
      queue[(head + waiting++) % queue.length] = predecessor
    }
  }
}

/** The slots before each slot: those of slot i stand at `slots[starts[i]]` up to `slots[starts[i + 1]]`. */
function predecessorsOf(env: Environment): { starts: Int32Array; slots: Int32Array } {
  const { insns, postorder } = env
  const starts = new Int32Array(insns.length + 2)
  const next = new Int32Array(2)
  for (let i = 0; i < postorder.length; i++) {
    const successors = successorsOf(insns, postorder[i]!, next)
    for (let s = 0; s < successors; s++) starts[next[s]! + 2]!++
  }
  for (let i = 2; i < starts.length; i++) starts[i]! += starts[i - 1]!
  const slots = new Int32Array(starts[starts.length - 1]!)
  for (let i = 0; i < postorder.length; i++) {
    const slot = postorder[i]!
    const successors = successorsOf(insns, slot, next)
    for (let s = 0; s < successors; s++) slots[starts[next[s]! + 1]!++] = slot
  }
  return { starts, slots }
}
