/**
 * What loads, stores and atomic operations become.
 *
 * Addresses are the subject of `addresses.ts`. Behind the end of the memory WebAssembly traps.
 * @module
 */
import type { AtomicInsn, LoadInsn, StoreInsn } from '../../isa/instruction.ts'
import { pushRegister } from './arithmetic.ts'
import { CPU_HIGH } from './cpu-block.ts'
import type { FunctionState } from './function-state.ts'
import { ATOMIC, OP } from './wasm-opcodes.ts'

const LOADS: Readonly<Record<number, readonly [unsigned: number, signed: number]>> = {
  1: [OP.i64_load8_u, OP.i64_load8_s],
  2: [OP.i64_load16_u, OP.i64_load16_s],
  4: [OP.i64_load32_u, OP.i64_load32_s],
  8: [OP.i64_load, OP.i64_load],
}
const SIGN_EXTENSIONS: Readonly<Record<number, number>> = {
  1: OP.i64_extend8_s,
  2: OP.i64_extend16_s,
  4: OP.i64_extend32_s,
}
const STORES: Readonly<Record<number, number>> = {
  1: OP.i64_store8,
  2: OP.i64_store16,
  4: OP.i64_store32,
  8: OP.i64_store,
}
export const ATOMIC_LOADS: Readonly<Record<number, number>> = {
  1: ATOMIC.i64_load8_u,
  2: ATOMIC.i64_load16_u,
  4: ATOMIC.i64_load32_u,
  8: ATOMIC.i64_load,
}
export const ATOMIC_STORES: Readonly<Record<number, number>> = {
  1: ATOMIC.i64_store8,
  2: ATOMIC.i64_store16,
  4: ATOMIC.i64_store32,
  8: ATOMIC.i64_store,
}
const RMW32: Readonly<Record<AtomicInsn['op'], number>> = {
  add: ATOMIC.i32_rmw_add,
  and: ATOMIC.i32_rmw_and,
  or: ATOMIC.i32_rmw_or,
  xor: ATOMIC.i32_rmw_xor,
  xchg: ATOMIC.i32_rmw_xchg,
  cmpxchg: ATOMIC.i32_rmw_cmpxchg,
}
const RMW64: Readonly<Record<AtomicInsn['op'], number>> = {
  add: ATOMIC.i64_rmw_add,
  and: ATOMIC.i64_rmw_and,
  or: ATOMIC.i64_rmw_or,
  xor: ATOMIC.i64_rmw_xor,
  xchg: ATOMIC.i64_rmw_xchg,
  cmpxchg: ATOMIC.i64_rmw_cmpxchg,
}

export function writeLoad(f: FunctionState, { size, signed, dst, base, off }: LoadInsn): void {
  const { w } = f
  const slot = f.stackSlots.get(f.slot)
  if (slot === undefined) {
    const offset = f.addresses.push(base, off, size, false)
    w.memory(LOADS[size]![signed ? 1 : 0], offset)
  } else {
    w.get(f.stackLocals[slot]!)
    if (signed && size < 8) w.op(SIGN_EXTENSIONS[size]!)
  }
  f.set(dst)
}

export function writeStore(f: FunctionState, { size, base, off, src }: StoreInsn): void {
  const { w } = f
  const slot = f.stackSlots.get(f.slot)
  if (slot === undefined) {
    const offset = f.addresses.push(base, off, size, true)
    f.operand(src, true)
    w.memory(STORES[size]!, offset)
    return
  }
  f.operand(src, true)
  if (size < 8) {
    w.i64(size === 4 ? -1 : (1 << (8 * size)) - 1, 0)
    w.op(OP.i64_and)
  }
  w.set(f.stackLocals[slot]!)
}

export function writeAtomic(f: FunctionState, { op, size, fetch, base, off, src }: AtomicInsn): void {
  const { w } = f
  const wide = size === 8
  const offset = f.addresses.push(base, off, size, true)
  if (op === 'cmpxchg') pushRegister(w, f, 0, wide)
  pushRegister(w, f, src, wide)
  w.atomic((wide ? RMW64 : RMW32)[op], size, offset)
  if (!fetch) {
    w.op(OP.drop)
    return
  }
  if (!wide) w.op(OP.i64_extend_i32_u)
  f.set(op === 'cmpxchg' ? 0 : src)
}

/** The offset is on the stack. Bytes that are not there end the function, with 0. */
export function writePacketLoad(f: FunctionState, size: number): void {
  const { w } = f
  w.i32(size)
  w.i32(f.slot)
  w.call(f.scope.imported('load_packet'))
  w.op(OP.i64_extend_i32_u)
  f.set(0)
  w.address(f.scope.target.cpuBlock)
  w.memory(OP.i32_load, CPU_HIGH)
  w.op(OP.i32_eqz)
  w.if()
  f.exit()
  w.end()
}
