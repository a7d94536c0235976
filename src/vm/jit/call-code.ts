/**
 * What calls become: of BPF functions, helpers, code addresses, and of programs that replace this one.
 * @module
 */
import type { CallInsn } from '../../isa/instruction.ts'
import { E2BIG, EINVAL } from '../../spec/errno.ts'
import { KIND_PROG_ARRAY, MAP_DATA, MAP_KIND, MAP_MAX_ENTRIES, MAP_STRIDE } from '../guest-layout.ts'
import { LOOPS_MAX } from '../limits.ts'
import type { HelperDefinition } from '../machine.ts'
import { KNOWN_PROGRAMS } from './code-table.ts'
import { CPU_FRAME, CPU_HIGH, CPU_RESULT, CPU_TAIL_CALLS } from './cpu-block.ts'
import { ARGUMENTS, type FunctionState } from './function-state.ts'
import { FAULT } from './imports.ts'
import {
  isMapOperation,
  type KnownOperation,
  knownOperation,
  writeAnyOperation,
  writeOperation,
} from './map-operations.ts'
import { leavePiece } from './piece-layout.ts'
import { offsetAddress } from './target.ts'
import { OP } from './wasm-opcodes.ts'

const ENOENT = 2

export function writeCall(f: FunctionState, insn: CallInsn): void {
  const { w, scope } = f
  if (insn.target === 'kfunc') {
    f.fault(FAULT.unknownHelper)
    return
  }
  if (insn.target === 'local') {
    const callee = scope.functionAt(f.slot + 1 + insn.imm)
    if (callee === undefined) {
      f.fault(FAULT.badJump)
      return
    }
    openFrame(f, callee.usesFrame)
    for (let register = 1; register <= ARGUMENTS; register++) f.register(register)
    w.call(callee.index)
    closeFrame(f, callee.usesFrame)
    return
  }
  const helper = scope.target.helpers.get(insn.imm)
  if (helper === undefined) {
    f.fault(FAULT.unknownHelper)
    return
  }
  if (helper.spec.tailCall === true) {
    tailCall(f)
    return
  }
  if (helper.operation === 'processor') {
    w.i64(scope.target.cpuId)
    f.set(0)
    return
  }
  const callback = helper.operation === 'loop' ? f.callbacks[2] : undefined
  if (callback !== undefined && scope.functionAt(callback) !== undefined) {
    writeLoop(f, callback)
    return
  }
  const operation = mapOperation(f, helper)
  if (operation !== undefined) {
    writeOperation(w, operation, scope.target, f, scope.runtime)
    f.set(0)
    return
  }
  if (isMapOperation(helper.operation) && scope.knowsMaps) {
    writeAnyOperation(w, helper.operation, scope.target, f, scope.runtime, () => callHelper(f, insn.imm, helper))
  } else callHelper(f, insn.imm, helper)
  f.set(0)
}

/** Leaves the result on the stack, 64 bits. */
function callHelper(f: FunctionState, id: number, helper: HelperDefinition): void {
  const { w, scope } = f
  const { args, returns } = helper.spec
  f.saveFuel()
  for (let i = 0; i < args.length; i++) f.low(i + 1)
  args.forEach((width, i) => {
    if (width === 64) f.high(i + 1)
  })
  w.i32(f.slot)
  w.call(scope.helper(id))
  switch (returns) {
    case 'i32':
      w.op(OP.i64_extend_i32_s)
      break
    case 'u32':
      w.op(OP.i64_extend_i32_u)
      break
    default:
      joinHigh(f)
  }
  f.reloadFuel()
}

function mapOperation(f: FunctionState, { operation }: HelperDefinition): KnownOperation | undefined {
  const { target, knowsMaps } = f.scope
  const map = f.known[1]
  return !isMapOperation(operation) || map === undefined || !knowsMaps
    ? undefined
    : knownOperation(target, operation, map)
}

/** The low half of a result is on the stack; the upper one is in the CPU's block. */
function joinHigh(f: FunctionState): void {
  const { w } = f
  w.op(OP.i64_extend_i32_u)
  w.address(f.scope.target.cpuBlock)
  w.memory(OP.i64_load32_u, CPU_HIGH)
  w.i64(32)
  w.op(OP.i64_shl)
  w.op(OP.i64_or)
}

/** Opens the callee's frame, above this one. */
function openFrame(f: FunctionState, usesFrame: boolean): void {
  const { w } = f
  const { target, options } = f.scope
  f.saveFuel()
  if (!usesFrame && !options.guard) return
  if (options.guard) {
    w.get(f.frame)
    w.address(offsetAddress(target.lastFrame, -target.frameSize))
    w.op(OP.i32_ge_u)
    w.if()
    f.fault(FAULT.callDepth)
    w.end()
  }
  w.address(target.cpuBlock)
  w.get(f.frame)
  w.i32(target.frameSize + target.frameStride)
  w.op(OP.i32_add)
  w.memory(OP.i32_store, CPU_FRAME)
}

/** The result of the call is on the stack: closes the callee's frame, and puts the result into r0. */
function closeFrame(f: FunctionState, usesFrame: boolean): void {
  f.set(0)
  restoreFrame(f, usesFrame)
  f.reloadFuel()
}

function restoreFrame(f: FunctionState, usesFrame: boolean): void {
  const { w } = f
  const { target, options } = f.scope
  if (!usesFrame && !options.guard) return
  w.address(target.cpuBlock)
  w.get(f.frame)
  w.i32(target.frameSize)
  w.op(OP.i32_add)
  w.memory(OP.i32_store, CPU_FRAME)
}

/** `bpf_loop` with a callback that is known, the function at a slot: calls it up to r1 times, with the round and r3. */
function writeLoop(f: FunctionState, slot: number): void {
  const { w, scope } = f
  const { index, usesFrame } = scope.functionAt(slot)!
  const count = w.borrow('i32')
  const round = w.borrow('i32')
  const stop = w.borrow('i32')
  f.saveFuel()
  w.block()
  w.i32(-EINVAL)
  w.set(round)
  f.register(4)
  w.i64(0)
  w.op(OP.i64_ne)
  w.brIf(0)
  w.i32(-E2BIG)
  w.set(round)
  f.low(1)
  w.tee(count)
  w.i32(LOOPS_MAX)
  w.op(OP.i32_gt_u)
  w.brIf(0)
  w.i32(0)
  w.set(round)
  w.get(count)
  w.op(OP.i32_eqz)
  w.brIf(0)
  openFrame(f, usesFrame)
  w.loop()
  w.get(round)
  w.op(OP.i64_extend_i32_u)
  f.low(3)
  w.op(OP.i64_extend_i32_u)
  for (let i = 2; i < ARGUMENTS; i++) w.i64(0)
  w.call(index)
  w.op(OP.i32_wrap_i64)
  w.set(stop)
  w.get(round)
  w.i32(1)
  w.op(OP.i32_add)
  w.tee(round)
  w.get(count)
  w.op(OP.i32_lt_u)
  w.get(stop)
  w.op(OP.i32_eqz)
  w.op(OP.i32_and)
  w.brIf(0)
  w.end()
  restoreFrame(f, usesFrame)
  w.end()
  f.reloadFuel()
  w.get(round)
  w.op(OP.i64_extend_i32_s)
  f.set(0)
  for (const local of [count, round, stop]) w.giveBack('i32', local)
}

function tailCall(f: FunctionState): void {
  const { w, scope } = f
  f.saveFuel()
  const ask = (): void => {
    for (let register = 1; register <= 3; register++) f.low(register)
    w.i32(f.slot)
    w.call(scope.imported('tail_call'))
    continueWith(f)
  }
  if (scope.knowsMaps) tailCallInPlace(f, ask)
  else ask()
  w.i64(-ENOENT)
  f.set(0)
}

/** A tail call without JavaScript, if the program is in the table; `ask` otherwise. Goes on behind it if there is none, or were too many. */
function tailCallInPlace(f: FunctionState, ask: () => void): void {
  const { w, scope } = f
  const { cpuBlock, tailCalls } = scope.target
  const value = w.borrow('i32')
  const field = (offset: number): void => {
    f.low(2)
    w.memory(OP.i32_load, offset)
  }
  w.block()
  w.block()
  field(MAP_KIND)
  w.i32(KIND_PROG_ARRAY)
  w.op(OP.i32_ne)
  w.brIf(0)
  f.low(3)
  field(MAP_MAX_ENTRIES)
  w.op(OP.i32_ge_u)
  w.brIf(1)
  field(MAP_DATA)
  f.low(3)
  field(MAP_STRIDE)
  w.op(OP.i32_mul)
  w.op(OP.i32_add)
  w.memory(OP.i32_load, 0)
  w.tee(value)
  w.op(OP.i32_eqz)
  w.brIf(1)
  w.get(value)
  w.i32(KNOWN_PROGRAMS)
  w.op(OP.i32_ge_u)
  w.brIf(0)
  w.globalGet(scope.tailCalls)
  w.get(value)
  w.op(OP.i64_extend_i32_u)
  w.op(OP.i64_shr_u)
  w.op(OP.i32_wrap_i64)
  w.i32(1)
  w.op(OP.i32_and)
  w.op(OP.i32_eqz)
  w.brIf(0)
  w.address(cpuBlock)
  w.memory(OP.i32_load, CPU_TAIL_CALLS)
  w.i32(tailCalls)
  w.op(OP.i32_ge_u)
  w.brIf(1)
  w.address(cpuBlock)
  w.address(cpuBlock)
  w.memory(OP.i32_load, CPU_TAIL_CALLS)
  w.i32(1)
  w.op(OP.i32_add)
  w.memory(OP.i32_store, CPU_TAIL_CALLS)
  w.get(value)
  w.i32(1)
  w.op(OP.i32_shl)
  w.set(value)
  replaceBy(f, value)
  w.end()
  ask()
  w.end()
  w.giveBack('i32', value)
}

/** A place in the table is on the stack, of the program that replaces this one; negative: go on. */
function continueWith(f: FunctionState): void {
  const { w } = f
  const next = w.borrow('i32')
  w.tee(next)
  w.i32(0)
  w.op(OP.i32_ge_s)
  w.if()
  replaceBy(f, next)
  w.end()
  w.giveBack('i32', next)
}

/** The program at a place in the table, a local, goes on instead of this one. */
function replaceBy(f: FunctionState, place: number): void {
  const { w, scope } = f
  f.register(1)
  if (f.piece === undefined) {
    for (let i = 1; i < ARGUMENTS; i++) w.i64(0)
    w.get(place)
    w.returnCallIndirect(scope.bpfFunction)
  } else leavePiece(w, f.piece, place)
}

/** An address whose upper half is zero is the number of a helper. */
export function writeRegisterCall(f: FunctionState, register: number): void {
  const { w, scope } = f
  const next = w.borrow('i32')
  f.saveFuel()
  f.high(register)
  w.op(OP.i32_eqz)
  w.if()
  f.low(register)
  for (let i = 1; i <= ARGUMENTS; i++) f.low(i)
  for (let i = 1; i <= ARGUMENTS; i++) f.high(i)
  w.i32(f.slot)
  w.call(scope.imported('call_helper'))
  continueWith(f)
  w.address(scope.target.cpuBlock)
  w.memory(OP.i64_load, CPU_RESULT)
  f.set(0)
  f.reloadFuel()
  w.else()
  f.low(register)
  f.high(register)
  w.i32(f.slot)
  w.call(scope.imported('resolve'))
  w.set(next)
  openFrame(f, true)
  for (let i = 1; i <= ARGUMENTS; i++) f.register(i)
  w.get(next)
  w.callIndirect(scope.bpfFunction)
  closeFrame(f, true)
  w.end()
  w.giveBack('i32', next)
}
