/**
 * Which registers and stack slots differ by constants, wherever control is: `r2 = r1; r2 += 8` makes r2 = r1 + 8 until either is
 * written. Addresses use it: an access through r2 is one through r1, and r2 need not exist.
 *
 * A state is a partition of the variables into classes, each with its lowest member as the leader, and how far above its leader
 * each member is; no two states that differ say the same. Where ways meet, what all say holds. States only lose relations while
 * the flow is walked, so that the walk ends; the programs of compilers take two or three rounds.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import type { Flow, FlowShape } from './flow.ts'
import { REGISTERS, writtenRegister } from './registers.ts'
import { registersOf } from './selects.ts'
import type { StackSlots } from './stack-slots.ts'
import type { JitTarget } from './target.ts'

/** Variables: the registers, the number 0, and the stack slots that are kept in locals and have 8 bytes. */
export const ZERO = REGISTERS
const FIRST_SLOT = REGISTERS + 1
/** Further slots are not followed. */
const MOST_SLOTS = 48
/** Larger differences are not followed: sums of these are exact. */
const MOST = 2 ** 40

/** What may become of a variable. */
export interface VariableFacts {
  /** `to = from + by`, 64 bits. */
  assign(to: number, from: number, by: number): void
  /** `to` has a value of which nothing is known. */
  forget(to: number): void
}

export class Relations implements VariableFacts {
  readonly leader: Int16Array
  /** How far each variable is above its leader. */
  readonly above: Float64Array
  /** Of each leader: the members of its class, itself included. */
  readonly size: Int16Array

  constructor(leader: Int16Array, above: Float64Array, size: Int16Array) {
    this.leader = leader
    this.above = above
    this.size = size
  }

  /** Nothing is known. */
  static none(variables: number): Relations {
    const leader = new Int16Array(variables)
    for (let variable = 0; variable < variables; variable++) leader[variable] = variable
    return new Relations(leader, new Float64Array(variables), new Int16Array(variables).fill(1))
  }

  copyFrom({ leader, above, size }: Relations): void {
    this.leader.set(leader)
    this.above.set(above)
    this.size.set(size)
  }

  assign(to: number, from: number, by: number): void {
    if (to === from) {
      this.move(to, by)
      return
    }
    this.forget(to)
    const { leader, above, size } = this
    const first = leader[from]!
    const distance = above[from]! + by
    if (Math.abs(distance) > MOST) return
    if (first < to) {
      leader[to] = first
      above[to] = distance
      size[first]!++
      return
    }
    for (let i = first, left = size[first]!; left > 0; i++) {
      if (leader[i] !== first) continue
      leader[i] = to
      above[i]! -= distance
      left--
    }
    size[to] = size[first]! + 1
    size[first] = 1
  }

  private move(variable: number, by: number): void {
    const { leader, above, size } = this
    if (leader[variable] !== variable) {
      above[variable]! += by
      if (Math.abs(above[variable]!) > MOST) this.forget(variable)
      return
    }
    if (size[variable] === 1) return
    for (let i = variable + 1; i < leader.length; i++) {
      if (leader[i] !== variable) continue
      above[i]! -= by
      if (Math.abs(above[i]!) > MOST) this.forget(i)
    }
  }

  forget(variable: number): void {
    const { leader, above, size } = this
    const first = leader[variable]!
    const members = size[first]!
    if (members === 1) return
    if (first !== variable) size[first]!--
    else {
      let next = -1
      for (let i = variable + 1, left = members - 1; left > 0; i++) {
        if (leader[i] !== variable) continue
        if (next < 0) next = i
        else above[i]! -= above[next]!
        leader[i] = next
        left--
      }
      above[next] = 0
      size[next] = members - 1
      size[variable] = 1
    }
    leader[variable] = variable
    above[variable] = 0
  }

  /** Keeps what both say; true if that is less than this one said. `before` is overwritten. */
  meet(other: Relations, before: Relations): boolean {
    const { leader, above, size } = this
    let same = true
    let lost = false
    for (let variable = 0; variable < leader.length; variable++) {
      const first = (same ? leader : before.leader)[variable]!
      if (first === variable) continue
      if (same) {
        if (leader[variable] === other.leader[variable] && above[variable] === other.above[variable]) continue
        before.copyFrom(this)
        same = false
      }
      // Members of its class that come before it have their new leaders already.
      const found = sharedLeader(this, before, other, variable)
      if (found === first) continue
      lost = true
      size[first]!--
      leader[variable] = found
      above[variable] = found === variable ? 0 : before.above[variable]! - before.above[found]!
      size[found] = found === variable ? 1 : size[found]! + 1
    }
    return lost
  }
}

/** The first new leader that `variable` has had the same distance from in both of two states; itself if there is none. */
function sharedLeader({ leader }: Relations, a: Relations, b: Relations, variable: number): number {
  for (let i = a.leader[variable]!; i < variable; i++) {
    if (leader[i] !== i || a.leader[i] !== a.leader[variable] || b.leader[i] !== b.leader[variable]) continue
    if (a.above[variable]! - a.above[i]! === b.above[variable]! - b.above[i]!) return i
  }
  return variable
}

/** The variable of each access to a stack slot, by its instruction; how many variables there are. */
export interface Variables {
  readonly count: number
  slotVariable(slot: number): number | undefined
}

export function variablesOf({ slotOf, wide, count }: StackSlots): Variables {
  return {
    count: FIRST_SLOT + Math.min(count, MOST_SLOTS),
    slotVariable: (slot) => {
      const number = slotOf.get(slot)
      return number === undefined || number >= MOST_SLOTS || !wide[number] ? undefined : FIRST_SLOT + number
    },
  }
}

/** What an instruction does to the facts. */
export function followVariables(
  facts: VariableFacts,
  insn: Instruction,
  slot: number,
  { slotVariable }: Variables,
  target: JitTarget,
): void {
  switch (insn.kind) {
    case 'alu': {
      const { op, width, dst, src } = insn
      if (op === 'mov' && 'imm' in src) facts.assign(dst, ZERO, width === 64 ? src.imm : src.imm >>> 0)
      else if (op === 'mov' && 'reg' in src && width === 64) facts.assign(dst, src.reg, 0)
      else if (op === 'add' && 'imm' in src && width === 64) facts.assign(dst, dst, src.imm)
      else if (op === 'sub' && 'imm' in src && width === 64) facts.assign(dst, dst, -src.imm)
      else facts.forget(dst)
      return
    }
    case 'lddw': {
      const address = insn.source === 'code_addr' ? undefined : target.address(insn)
      if (typeof address === 'number') facts.assign(insn.dst, ZERO, address >>> 0)
      else facts.forget(insn.dst)
      return
    }
    case 'load': {
      const from = slotVariable(slot)
      if (from === undefined) facts.forget(insn.dst)
      else facts.assign(insn.dst, from, 0)
      return
    }
    case 'store': {
      const to = slotVariable(slot)
      if (to === undefined) return
      if ('reg' in insn.src) facts.assign(to, insn.src.reg, 0)
      else facts.assign(to, ZERO, insn.src.imm)
      return
    }
    default: {
      const written = writtenRegister(insn)
      if (written >= 0) facts.forget(written)
    }
  }
}

/** States in one piece of memory: many small arrays would cost more than what is done with them. */
class States {
  private readonly count: number
  private readonly small: Int16Array
  private readonly large: Float64Array
  private used = 0

  constructor(states: number, variables: number) {
    this.count = variables
    this.small = new Int16Array(2 * states * variables)
    this.large = new Float64Array(states * variables)
  }

  copyOf(state: Relations): Relations {
    const { count, small, large } = this
    const at = this.used++ * count
    const copy = new Relations(
      small.subarray(2 * at, 2 * at + count),
      large.subarray(at, at + count),
      small.subarray(2 * at + count, 2 * at + 2 * count),
    )
    copy.copyFrom(state)
    return copy
  }
}

/** What holds where each node begins; undefined for nodes that are never reached. */
export function findRelations(
  insns: readonly Instruction[],
  { nodes }: Flow,
  { dominators }: FlowShape,
  variables: Variables,
  target: JitTarget,
): (Relations | undefined)[] {
  const states: (Relations | undefined)[] = []
  const memory = new States(nodes.length, variables.count)
  const pending = new Uint8Array(nodes.length)
  states[0] = Relations.none(variables.count)
  pending[0] = 1
  const state = Relations.none(variables.count)
  const scratch = Relations.none(variables.count)
  for (let again = true; again; ) {
    again = false
    for (const index of dominators.order) {
      if (pending[index] === 0) continue
      pending[index] = 0
      state.copyFrom(states[index]!)
      const node = nodes[index]!
      if (node.kind === 'code') {
        for (let slot = node.start; slot < node.end; slot++) {
          followVariables(state, insns[slot]!, slot, variables, target)
        }
        if (node.select !== undefined) for (const register of registersOf(insns, node.select)) state.forget(register)
      }
      for (const next of node.next) {
        const known = states[next]
        if (known === undefined) {
          states[next] = memory.copyOf(state)
        } else if (!known.meet(state, scratch)) continue
        pending[next] = 1
        if (dominators.position[next]! <= dominators.position[index]!) again = true
      }
    }
  }
  return states
}
