/**
 * One state covers another: what is known, what is linked, what is on the stack, and what is held. Each rule by itself,
 * in both directions.
 */
import { describe, expect, it } from 'vitest'
import { within } from '../../../src/verifier/domain/refine.ts'
import { UNKNOWN } from '../../../src/verifier/domain/scalar.ts'
import { iteratorsAdvanced, maybeLooping, statesEqual } from '../../../src/verifier/explore/equal.ts'
import type { Exactness } from '../../../src/verifier/explore/equal-registers.ts'
import type { VerifierMap } from '../../../src/verifier/program.ts'
import {
  ADD_CONST_64,
  constantReg,
  INVALID_SLOT,
  pointerReg,
  Reg,
  SPILL_BYTES,
  StackSlot,
  type State,
  scalarReg,
  slotBytes,
  UNINITIALISED,
  UNKNOWN_SCALAR,
} from '../../../src/verifier/state.ts'
import {
  PTR_MAYBE_NULL,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_STACK,
  SCALAR_VALUE,
  STACK_ITER,
  STACK_MISC,
  STACK_ZERO,
} from '../../../src/verifier/types.ts'
import { environment, state } from './states.ts'

const env = environment()

function covers(old: State, cur: State, exactness: Exactness = 'not_exact', where = env): boolean {
  return statesEqual(where, old, cur, exactness)
}

/** r1 is precise. */
function precise(made: State): State {
  made.precise = [{ regs: 2, stackLow: 0, stackHigh: 0 }]
  return made
}

const upTo = (umax: number): Reg => scalarReg(within(UNKNOWN, { umin: 0, umax }))
const value = (map: VerifierMap, off = 0, id = 0): Reg =>
  new Reg(PTR_TO_MAP_VALUE, constantReg(0).scalar, off, id, 0, 0, map)
const MAP: VerifierMap = { name: 'a', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 }
const OTHER_MAP: VerifierMap = { ...MAP, name: 'b' }
const spill = (reg: Reg): StackSlot => new StackSlot(SPILL_BYTES, reg)
const MISC = new StackSlot(slotBytes(STACK_MISC), UNINITIALISED)
const ZERO = new StackSlot(slotBytes(STACK_ZERO), UNINITIALISED)

describe('frames', () => {
  it('that are called back by others must return other things', () => {
    const asynchronous = (min: number, max: number): State => {
      const made = state({})
      const frame = made.writable()
      frame.inAsyncCallback = true
      frame.callbackRange = { min, max }
      return made
    }
    expect(covers(asynchronous(0, 0), asynchronous(0, 0))).toBe(true)
    expect(covers(asynchronous(-5, 5), asynchronous(0, 0))).toBe(false)
    expect(covers(asynchronous(0, 0), asynchronous(-5, 5))).toBe(false)
    expect(covers(state({}), asynchronous(0, 0))).toBe(false)
    expect(covers(asynchronous(0, 0), state({}))).toBe(false)
  })
})

describe('scalars', () => {
  it('that nothing depends on may have any value', () => {
    expect(covers(state({ 1: constantReg(1) }), state({ 1: constantReg(2) }))).toBe(true)
  })

  it('that something depends on must lie within the old ones', () => {
    expect(covers(precise(state({ 1: upTo(10) })), state({ 1: upTo(5) }))).toBe(true)
    expect(covers(precise(state({ 1: upTo(5) })), state({ 1: upTo(10) }))).toBe(false)
  })

  it('must lie within, while the old state is not explored to its end', () => {
    expect(covers(state({ 1: upTo(5) }), state({ 1: upTo(10) }), 'range_within')).toBe(false)
    expect(covers(state({ 1: upTo(10) }), state({ 1: upTo(5) }), 'range_within')).toBe(true)
  })

  it('must be the same for a loop', () => {
    expect(covers(state({ 1: upTo(10) }), state({ 1: upTo(5) }), 'exact')).toBe(false)
    expect(covers(state({ 1: upTo(5) }), state({ 1: upTo(5) }), 'exact')).toBe(true)
  })

  it('that were linked have to be linked alike', () => {
    const linked = (a: number, b: number): State => state({ 1: UNKNOWN_SCALAR.withId(a), 2: UNKNOWN_SCALAR.withId(b) })
    const both = (made: State): State => {
      made.precise = [{ regs: 6, stackLow: 0, stackHigh: 0 }]
      return made
    }
    expect(covers(both(linked(1, 1)), linked(7, 7))).toBe(true)
    expect(covers(both(linked(1, 1)), linked(7, 8))).toBe(false)
    expect(covers(both(linked(1, 1)), linked(0, 0))).toBe(false)
    expect(covers(both(linked(1, 2)), linked(7, 7))).toBe(false)
    expect(covers(both(linked(0, 0)), linked(7, 7))).toBe(true)
  })

  it('at a distance from another have to be at the same distance', () => {
    const at = (off: number): State => state({ 1: UNKNOWN_SCALAR.withId(3 | ADD_CONST_64).withOff(off) })
    expect(covers(precise(at(8)), at(8))).toBe(true)
    expect(covers(precise(at(8)), at(4))).toBe(false)
    expect(covers(precise(at(8)), state({ 1: UNKNOWN_SCALAR.withId(3) }))).toBe(false)
  })

  it('are not pointers', () => {
    expect(covers(state({ 1: UNKNOWN_SCALAR }), state({ 1: pointerReg(PTR_TO_STACK) }))).toBe(false)
  })

  it('where masking depends on them must be the same', () => {
    const strict = environment()
    strict.exploreAluLimits = true
    expect(covers(state({ 1: upTo(10) }), state({ 1: upTo(5) }), 'not_exact', strict)).toBe(false)
  })
})

describe('registers', () => {
  it('that the old state did not have cannot have been used', () => {
    expect(covers(state({}), state({ 1: pointerReg(PTR_TO_STACK) }))).toBe(true)
    expect(covers(state({ 1: pointerReg(PTR_TO_STACK) }), state({}))).toBe(false)
  })

  it('that are not read do not matter', () => {
    const readsNone = environment('trusted', 'r0 = 0\nexit')
    expect(covers(state({ 1: value(MAP) }), state({ 1: value(OTHER_MAP) }), 'not_exact', readsNone)).toBe(true)
  })

  it('of map values need the map, the offset, and whether they may be NULL', () => {
    expect(covers(state({ 1: value(MAP) }), state({ 1: value(MAP) }))).toBe(true)
    expect(covers(state({ 1: value(MAP) }), state({ 1: value(OTHER_MAP) }))).toBe(false)
    expect(covers(state({ 1: value(MAP, 4) }), state({ 1: value(MAP, 8) }))).toBe(false)
    const maybeNull = value(MAP)
      .withType(PTR_TO_MAP_VALUE | PTR_MAYBE_NULL)
      .withId(3)
    expect(covers(state({ 1: value(MAP) }), state({ 1: maybeNull }))).toBe(false)
  })

  it('of map values with a smaller variable offset are covered', () => {
    const at = (umax: number): State => state({ 1: value(MAP).withScalar(upTo(umax).scalar) })
    expect(covers(at(8), at(4))).toBe(true)
    expect(covers(at(4), at(8))).toBe(false)
  })

  it('of packets may know more of the packet, not less', () => {
    const packet = (range: number): State => state({ 1: pointerReg(PTR_TO_PACKET, range) })
    expect(covers(packet(10), packet(20))).toBe(true)
    expect(covers(packet(20), packet(10))).toBe(false)
    // Comparisons with the end that did not give a range: at it, beyond it.
    expect(covers(packet(-2), packet(-1))).toBe(false)
    expect(covers(packet(-1), packet(10))).toBe(false)
  })

  it('of the stack are those of the same frame', () => {
    expect(covers(state({ 1: pointerReg(PTR_TO_STACK, 0) }), state({ 1: pointerReg(PTR_TO_STACK, 1) }))).toBe(false)
  })

  it('that may be NULL together have to be so again', () => {
    const maybe = (id: number): Reg => value(MAP, 0, id).withType(PTR_TO_MAP_VALUE | PTR_MAYBE_NULL)
    const both = (a: number, b: number): State => state({ 1: maybe(a), 2: maybe(b) })
    expect(covers(both(1, 1), both(5, 5))).toBe(true)
    expect(covers(both(1, 1), both(5, 6))).toBe(false)
    expect(covers(both(1, 2), both(5, 5))).toBe(false)
  })
})

describe('the stack', () => {
  const untrusted = environment('untrusted')

  it('may have more, not less', () => {
    expect(covers(state({}), state({}, [spill(value(MAP))]))).toBe(true)
    expect(covers(state({}, [spill(value(MAP))]), state({}))).toBe(false)
    expect(covers(state({}, [INVALID_SLOT]), state({}))).toBe(true)
  })

  it('must be as large and of the same kinds while a loop is open', () => {
    expect(covers(state({}, [INVALID_SLOT]), state({}), 'range_within')).toBe(false)
    expect(covers(state({}, [INVALID_SLOT]), state({}, [MISC]), 'range_within')).toBe(false)
    expect(covers(state({}, [MISC]), state({}, [MISC, MISC]), 'range_within')).toBe(true)
  })

  it('of anything covers zeroes, not the reverse', () => {
    expect(covers(state({}, [MISC]), state({}, [ZERO]), 'not_exact', untrusted)).toBe(true)
    expect(covers(state({}, [ZERO]), state({}, [MISC]), 'not_exact', untrusted)).toBe(false)
  })

  it('that was not written is as good as anything where it may be read', () => {
    expect(covers(state({}, [MISC]), state({}, [INVALID_SLOT]))).toBe(true)
    expect(covers(state({}, [MISC]), state({}, [INVALID_SLOT]), 'not_exact', untrusted)).toBe(false)
    expect(covers(state({}, [MISC]), state({}))).toBe(true)
  })

  it('of anything is a scalar of which nothing is known', () => {
    expect(covers(state({}, [spill(UNKNOWN_SCALAR)]), state({}, [MISC]))).toBe(true)
    const known = state({}, [spill(constantReg(1))])
    expect(covers(known, state({}, [MISC]))).toBe(true)
    known.precise = [{ regs: 0, stackLow: 1, stackHigh: 0 }]
    expect(covers(known, state({}, [MISC]))).toBe(false)
    expect(covers(known, state({}, [spill(constantReg(1))]))).toBe(true)
  })

  it('marks beyond slot 31 are read as well', () => {
    const deep = (reg: Reg): StackSlot[] => [...Array(40).fill(INVALID_SLOT), spill(reg)]
    const old = state({}, deep(constantReg(1)))
    expect(covers(old, state({}, deep(constantReg(2))))).toBe(true)
    old.precise = [{ regs: 0, stackLow: 0, stackHigh: 1 << 8 }]
    expect(covers(old, state({}, deep(constantReg(2))))).toBe(false)
  })

  it('with half a register covers only the same', () => {
    const half = (reg: Reg): StackSlot => new StackSlot(0x22221111, reg)
    expect(covers(state({}, [half(constantReg(1))]), state({}, [half(constantReg(2))]), 'range_within')).toBe(false)
    expect(covers(state({}, [half(constantReg(1))]), state({}, [half(constantReg(1))]), 'range_within')).toBe(true)
  })

  it('with an iterator needs it in the same state, in any iteration', () => {
    const iterator = (phase: 'active' | 'drained', depth: number): StackSlot =>
      new StackSlot(
        slotBytes(STACK_ITER),
        new Reg(PTR_TO_STACK, constantReg(0).scalar, 0, 0, 9, 0, {
          kind: 'iterator',
          type: 'bpf_iter_num',
          state: phase,
          depth,
          rcu: false,
        }),
      )
    expect(covers(state({}, [iterator('active', 1)]), state({}, [iterator('active', 2)]))).toBe(true)
    expect(covers(state({}, [iterator('active', 1)]), state({}, [iterator('drained', 1)]))).toBe(false)
    expect(iteratorsAdvanced(state({}, [iterator('active', 1)]), state({}, [iterator('active', 2)]))).toBe(true)
    expect(iteratorsAdvanced(state({}, [iterator('drained', 1)]), state({}, [iterator('drained', 2)]))).toBe(false)
  })
})

describe('states', () => {
  const plain = (): State => state({ 1: UNKNOWN_SCALAR })

  it('that only misprediction reaches cover no other', () => {
    const old = plain()
    old.speculative = true
    expect(covers(old, plain())).toBe(false)
    expect(covers(plain(), old)).toBe(true)
  })

  it('hold the same resources', () => {
    const holding = (...ids: number[]): State => {
      const made = plain()
      made.references = ids.map((id) => ({ kind: 'object', id, insn: 0 }))
      return made
    }
    expect(covers(holding(3), holding(9))).toBe(true)
    expect(covers(holding(3), holding())).toBe(false)
    expect(covers(holding(3, 4), holding(9, 9))).toBe(false)
  })

  it('are in the same critical sections', () => {
    for (const field of ['activeLocks', 'activePreemptLocks', 'activeRcuLocks', 'activeIrqId'] as const) {
      const old = plain()
      old[field] = 1
      expect(covers(old, plain()), field).toBe(false)
      expect(covers(plain(), old), field).toBe(false)
    }
    const sleeping = plain()
    sleeping.inSleepable = true
    expect(covers(plain(), sleeping)).toBe(false)
  })

  it('came through the same calls, and through no fewer rounds of a callback', () => {
    const called = (callsite: number): State => {
      const made = plain()
      const frame = made.frames[0]!
      made.frames = [frame, Object.assign(frame.copyFor(made), { callsite, frameno: 1 })]
      return made
    }
    expect(covers(called(1), called(1))).toBe(true)
    expect(covers(called(1), called(2))).toBe(false)
    expect(covers(called(1), plain())).toBe(false)
    const round = plain()
    round.frame.callbackDepth = 1
    expect(covers(round, plain())).toBe(false)
    expect(covers(plain(), round)).toBe(true)
  })

  it('may be looping only if the registers are the same, with their ids', () => {
    const made = (id: number): State => state({ 1: new Reg(SCALAR_VALUE, UNKNOWN, 0, id, 0, 0, undefined) })
    expect(maybeLooping(made(1), made(1))).toBe(true)
    expect(maybeLooping(made(1), made(2))).toBe(false)
  })

  it('are compared anew, though the last comparison failed elsewhere', () => {
    const old = precise(state({ 1: upTo(5), 2: value(MAP) }))
    expect(covers(old, state({ 1: upTo(9), 2: value(MAP) }))).toBe(false)
    expect(covers(old, state({ 1: upTo(5), 2: value(OTHER_MAP) }))).toBe(false)
    expect(covers(old, state({ 1: upTo(4), 2: value(MAP) }))).toBe(true)
  })
})
