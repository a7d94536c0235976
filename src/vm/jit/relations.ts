/**
 * Which registers and stack slots differ by constants, wherever control is: `r2 = r1; r2 += 8` makes r2 = r1 + 8 until either is
 * written. Addresses use it: an access through r2 is one through r1, and r2 need not exist.
 *
 * A state is a partition of the variables into classes, each with its lowest member as the leader, and how far above its leader
 * each member is; no two states that differ say the same. Where ways meet, what all say holds. States only lose relations while
 * the flow is walked, so that the walk ends; the programs of compilers take two or three rounds.
 * @module
 */
import type { Flow, FlowShape } from './flow.ts'
import type { ModuleScope } from './function-state.ts'
import { REGISTERS } from './registers.ts'
import { registersOf } from './selects.ts'
import type { StackSlots } from './stack-slots.ts'
import { HAS_RELATION } from './traits.ts'

/** Variables: the registers, the number 0, and the stack slots that are kept in locals and have 8 bytes. */
export const ZERO = REGISTERS
const FIRST_SLOT = REGISTERS + 1
/** Further slots are not followed. */
const MOST_SLOTS = 48
export const MOST_VARIABLES = FIRST_SLOT + MOST_SLOTS
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
  /** Variables that have another one as their leader. */
  related = 0

  /** Nothing is known. */
  constructor(variables: number) {
    this.leader = new Int16Array(variables)
    for (let variable = 0; variable < variables; variable++) this.leader[variable] = variable
    this.above = new Float64Array(variables)
    this.size = new Int16Array(variables).fill(1)
  }

  clear(): void {
    if (this.related === 0) return
    const { leader, above, size } = this
    for (let variable = 0; variable < leader.length; variable++) {
      leader[variable] = variable
      above[variable] = 0
      size[variable] = 1
    }
    this.related = 0
  }

  copyFrom({ leader, above, size, related }: Relations): void {
    this.leader.set(leader)
    this.above.set(above)
    this.size.set(size)
    this.related = related
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
    this.related++
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
    this.related--
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
      if (found === variable) this.related--
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
  /** -1 if it is none, or not followed. */
  slotVariable(slot: number): number
}

export function variablesOf({ slotOf, wide, count }: StackSlots): Variables {
  return {
    count: FIRST_SLOT + Math.min(count, MOST_SLOTS),
    slotVariable: (slot) => {
      const number = count === 0 ? undefined : slotOf.get(slot)
      return number === undefined || number >= MOST_SLOTS || !wide[number] ? -1 : FIRST_SLOT + number
    },
  }
}

/** What an instruction does to the facts. */
export function followVariables(
  facts: VariableFacts,
  { insns, traits, target }: ModuleScope,
  slot: number,
  { slotVariable }: Variables,
): void {
  if ((traits.bits[slot]! & HAS_RELATION) === 0) {
    const written = traits.written[slot]!
    if (written >= 0) facts.forget(written)
    return
  }
  const insn = insns[slot]!
  switch (insn.kind) {
    case 'alu': {
      const { op, width, dst, src } = insn
      if (op === 'mov' && 'imm' in src) facts.assign(dst, ZERO, width === 64 ? src.imm : src.imm >>> 0)
      else if (op === 'mov' && 'reg' in src && width === 64) facts.assign(dst, src.reg, 0)
      else if (op === 'add' && 'imm' in src && width === 64) facts.assign(dst, dst, src.imm)
      else if (op === 'sub' && 'imm' in src && width === 64) facts.assign(dst, dst, -src.imm)
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
      if (from < 0) facts.forget(insn.dst)
      else facts.assign(insn.dst, from, 0)
      return
    }
    case 'store': {
      const to = slotVariable(slot)
      if (to < 0) return
      if ('reg' in insn.src) facts.assign(to, insn.src.reg, 0)
      else facts.assign(to, ZERO, insn.src.imm)
    }
  }
}

/** What one relation takes in {@link States}: a variable, its leader, and how far it is above it. */
const NAMES = 2

/**
 * The states of all nodes in two pieces of memory: of each, the variables that have leaders. Most states say little, and what is
 * written of one only becomes less.
 */
export class States {
  /** Of each node: where its relations begin, and how many there are; -1: it has no state yet. */
  private readonly start: Int32Array
  private readonly count: Int32Array
  private names: Uint8Array
  private above: Float64Array
  private used = 0
  /** What is looked at where ways meet. */
  private readonly known: Relations
  private readonly before: Relations

  constructor(nodes: number, variables: number) {
    this.start = new Int32Array(nodes).fill(-1)
    this.count = new Int32Array(nodes)
    this.names = new Uint8Array(NAMES * nodes)
    this.above = new Float64Array(nodes)
    this.known = new Relations(variables)
    this.before = new Relations(variables)
  }

  has(node: number): boolean {
    return this.start[node]! >= 0
  }

  /** Makes `state` what holds where a node begins. */
  load(node: number, state: Relations): void {
    state.clear()
    const { names, above } = this
    const { leader, size } = state
    const start = this.start[node]!
    const end = start + this.count[node]!
    for (let i = start; i < end; i++) {
      const variable = names[NAMES * i]!
      const first = names[NAMES * i + 1]!
      leader[variable] = first
      state.above[variable] = above[i]!
      size[first]!++
    }
    state.related = end - start
  }

  /** A node's first state. */
  add(node: number, state: Relations): void {
    this.reserve(state.related)
    this.start[node] = this.used
    this.write(node, state)
    this.used += state.related
  }

  /** Keeps of a node's state what `state` says too; true if that is less than before. */
  meet(node: number, state: Relations): boolean {
    const { names, above } = this
    const start = this.start[node]!
    const end = start + this.count[node]!
    let same = true
    for (let i = start; i < end && same; i++) {
      const variable = names[NAMES * i]!
      same = state.leader[variable] === names[NAMES * i + 1] && state.above[variable] === above[i]
    }
    if (same) return false
    this.load(node, this.known)
    if (!this.known.meet(state, this.before)) return false
    this.write(node, this.known)
    return true
  }

  private write(node: number, { leader, above, related }: Relations): void {
    this.count[node] = related
    let at = this.start[node]!
    for (let variable = 0, left = related; left > 0; variable++) {
      const first = leader[variable]!
      if (first === variable) continue
      this.names[NAMES * at] = variable
      this.names[NAMES * at + 1] = first
      this.above[at++] = above[variable]!
      left--
    }
  }

  private reserve(count: number): void {
    const needed = this.used + count
    if (needed <= this.above.length) return
    const room = Math.max(needed, 2 * this.above.length)
    const { names, above } = this
    this.names = new Uint8Array(NAMES * room)
    this.names.set(names)
    this.above = new Float64Array(room)
    this.above.set(above)
  }
}

/** What holds where each node begins; nodes that are never reached have no state. */
export function findRelations(
  scope: ModuleScope,
  { nodes }: Flow,
  { dominators }: FlowShape,
  variables: Variables,
): States {
  const { order, position } = dominators
  const states = new States(nodes.length, variables.count)
  const pending = new Uint8Array(nodes.length)
  const state = new Relations(variables.count)
  states.add(0, state)
  pending[0] = 1
  for (let again = true; again; ) {
    again = false
    for (let i = 0; i < order.length; i++) {
      const index = order[i]!
      if (pending[index] === 0) continue
      pending[index] = 0
      states.load(index, state)
      const node = nodes[index]!
      if (node.kind === 'code') {
        for (let slot = node.start; slot < node.end; slot++) followVariables(state, scope, slot, variables)
        if (node.select !== undefined) {
          for (const register of registersOf(scope.traits, node.select)) state.forget(register)
        }
      }
      for (let k = 0; k < node.next.length; k++) {
        const next = node.next[k]!
        if (!states.has(next)) states.add(next, state)
        else if (!states.meet(next, state)) continue
        pending[next] = 1
        if (position[next]! <= i) again = true
      }
    }
  }
  return states
}
