/**
 * Rules that call: functions of the program, helpers, maps, other programs.
 * @module
 */
import { OWN_HELPERS, PROGRAM_SLOTS, type WorldMap } from '../world.ts'
import { FRAME_POINTER } from './knowledge.ts'
import type { Recipe, Rule, Writer } from './writer.ts'

const HELPER = { lookup: 1, update: 2, delete: 3, tailCall: 12, loop: 181 } as const
/** Helpers without arguments: time, random numbers, CPU, task. */
const PLAIN_HELPERS: readonly number[] = [5, 7, 8, 14]

function recipe(w: Writer): Recipe {
  const kind = w.random.below(4)
  return kind === 0 ? 'memory' : kind === 1 && !w.plainFrame ? { below: 8 * w.between(1, 8) } : 'number'
}

/** Calls by number, or by the number in a register. */
function callHelper(w: Writer, id: number): void {
  if (w.chance(1, 6)) {
    const reg = w.pick([0, 6, 7, 8, 9].filter((one) => !w.reserved.has(one)))
    w.code.alu('mov', reg, { imm: id }, w.width())
    w.number(reg)
    w.code.push({ kind: 'callx', reg })
  } else w.code.helper(id)
  w.number(0)
}

function callFunction(w: Writer): void {
  const { code } = w
  const args = Array.from({ length: w.between(0, 5) }, () => recipe(w))
  const callee = w.callee('plain', args)
  if (callee === undefined) return
  callee.args.forEach((one, i) => {
    w.argument(i + 1, one)
  })
  if (w.chance(1, 3)) {
    const reg = w.pick([0, 6, 7, 8, 9].filter((one) => !w.reserved.has(one)))
    callee.references.push(code.functionAddress(reg))
    w.number(reg)
    code.push({ kind: 'callx', reg })
  } else callee.references.push(code.callFunction())
  w.called(callee.args)
}

/** A function that calls itself, as deep as there are frames. */
function recursion(w: Writer): void {
  if (w.level > 5) return
  const callee = w.callee('recursive', ['number', 'memory'])
  if (callee === undefined) return
  w.memoryPointer(2)
  w.code.set(1, w.between(0, 6 - w.level))
  w.number(1)
  callee.references.push(w.code.callFunction())
  w.called()
}

function loopHelper(w: Writer): void {
  const { code } = w
  const below = 8 * w.between(2, 8)
  const callee = w.callee('callback', ['number', { below }])
  if (callee === undefined) return
  w.argument(3, callee.args[1]!)
  callee.references.push(code.functionAddress(2))
  w.number(2)
  code.set(1, w.chance(1, 12) ? 0 : w.tripsLeft(w.between(1, 5)))
  w.number(1)
  code.alu('mov', 4, { imm: w.chance(1, 16) ? 1 : 0 })
  w.number(4)
  callHelper(w, HELPER.loop)
  w.called(callee.args)
}

function ownHelper(w: Writer): void {
  const { spec } = w.pick(OWN_HELPERS)
  spec.args.forEach((width, i) => {
    if (width === 'pointer') {
      w.memoryPointer(i + 1, 4 * w.random.below(60))
      return
    }
    w.argument(i + 1, 'number')
  })
  callHelper(w, spec.id)
}

/** Puts a key for a map into memory, and its address into r2. */
function key(w: Writer, { kind, keySize, maxEntries }: WorldMap): void {
  const at = 8 * w.between(Math.ceil(keySize / 8), 6)
  const { code } = w
  for (let i = 8; i < keySize; i += 8) code.store(8, FRAME_POINTER, i - at, { imm: w.chance(1, 16) ? 1 : 0 })
  if (w.chance(1, 2)) code.store(keySize >= 8 ? 8 : 4, FRAME_POINTER, -at, { imm: w.random.below(maxEntries + 1) })
  else {
    const reg = w.target()
    code.alu('and', reg, { imm: w.pick([1, 3, 7, 15]) }, w.width())
    w.number(reg)
    code.store(keySize >= 8 ? 8 : 4, FRAME_POINTER, -at, { reg })
  }
  if (kind === 'trie' && w.chance(3, 4)) code.store(4, FRAME_POINTER, 4 - at, { imm: 32 * w.random.below(8) })
  w.know.overwrite(-at, 8 * Math.ceil(keySize / 8))
  w.argument(2, { below: at })
}

/** Loads the address of a map: of this one, or, on a condition, of another one that is used in the same way. */
function mapPointer(w: Writer, map: WorldMap): void {
  const others = w.layout.maps.filter(
    (one) => one.keySize === map.keySize && one.valueSize >= map.valueSize && one !== map,
  )
  const by = w.chance(1, 6) ? w.pick([0, 6, 7, 8, 9].filter((reg) => !w.reserved.has(reg))) : 1
  w.code.constant(by, map.address | 0, 0)
  w.number(by)
  if (by !== 1) w.code.move(1, by)
  w.number(1)
  if (others.length === 0 || !w.chance(1, 5)) return
  const skip = w.condition()
  w.code.constant(1, w.pick(others).address | 0, 0)
  w.code.land(skip)
}

function lookup(w: Writer): void {
  const { code } = w
  const map = w.pick(w.layout.maps)
  key(w, map)
  mapPointer(w, map)
  code.helper(HELPER.lookup)
  w.number(0)
  const absent = w.chance(3, 4) ? code.jump('eq', 0, { imm: 0 }) : undefined
  if (absent === undefined) {
    const present = code.jump('ne', 0, { imm: 0 })
    code.set(0, w.constant())
    code.exit()
    code.land(present)
  }
  const before = w.know.copy()
  w.know.regs[0] = { low: 0, high: map.valueSize, phase: 0, space: 'other' }
  if (w.chance(1, 2)) {
    const reg = w.target(0)
    code.move(reg, 0)
    w.know.regs[reg] = w.know.regs[0]
  }
  w.block(w.between(1, 4))
  if (absent === undefined) return
  code.land(absent)
  w.know.join(before)
}

function update(w: Writer): void {
  const map = w.pick(w.layout.maps)
  key(w, map)
  if (w.chance(1, 2)) w.memoryPointer(3, 4 * w.random.below(48))
  else w.argument(3, { below: 8 * w.between(8, 12) })
  w.code.set(4, w.pick([0, 0, 0, 1, 2, 8]))
  w.number(4)
  mapPointer(w, map)
  callHelper(w, HELPER.update)
}

function remove(w: Writer): void {
  const map = w.pick(w.layout.maps)
  key(w, map)
  mapPointer(w, map)
  callHelper(w, HELPER.delete)
}

/** To the program at an index; by default, to any of them. */
export function tailCall(w: Writer, index?: number): void {
  const { code } = w
  w.memoryPointer(1)
  code.constant(2, w.layout.programs | 0, 0)
  w.number(2)
  if (index !== undefined) code.set(3, index)
  else if (w.chance(1, 2)) code.set(3, w.random.below(PROGRAM_SLOTS + 1))
  else code.alu('and', 3, { imm: PROGRAM_SLOTS - 1 })
  w.number(3)
  callHelper(w, HELPER.tailCall)
}

export const CALL_RULES: readonly Rule[] = [
  { name: 'call', weight: 6, calls: true, write: callFunction },
  { name: 'recursion', weight: 1, calls: true, write: recursion },
  { name: 'bpf_loop', weight: 3, calls: true, frames: true, write: loopHelper },
  { name: 'helper', weight: 6, calls: true, write: ownHelper },
  { name: 'helper without arguments', weight: 3, calls: true, write: (w) => callHelper(w, w.pick(PLAIN_HELPERS)) },
  { name: 'map look-up', weight: 5, calls: true, frames: true, nests: true, write: lookup },
  { name: 'map update', weight: 3, calls: true, frames: true, write: update },
  { name: 'map deletion', weight: 1, calls: true, frames: true, write: remove },
  { name: 'tail call', weight: 1, calls: true, write: (w) => tailCall(w) },
]
