/**
 * Helpers that call back: which registers the callback begins with, and what it may return.
 * @see https://docs.ebpf.io/linux/concepts/loops/
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import type { VerifierMap } from '../program.ts'
import { reject } from '../rejection.ts'
import { type Frame, pointerReg, Reg, type ReturnRange, UNINITIALISED, UNKNOWN_SCALAR } from '../state.ts'
import { kernelFunctionName } from '../structure/kernel-functions.ts'
import { CONST_PTR_TO_MAP, PTR_TO_BTF_ID, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE } from '../types.ts'
import { kernelType } from './btf-match.ts'
import { constantDynptr } from './dynptr.ts'
import { mapTypeName } from './map-compatibility.ts'

/** One more round, or no more. */
const AGAIN: ReturnRange = { min: 0, max: 1 }
const NOTHING: ReturnRange = { min: 0, max: 0 }
export const ANYTHING: ReturnRange = { min: -2147483648, max: 2147483647 }

const MAPS_TO_WALK: ReadonlySet<string> = new Set([
  'hash',
  'percpu_hash',
  'lru_hash',
  'lru_percpu_hash',
  'array',
  'percpu_array',
])

export function begin(callee: Frame, args: readonly Reg[], range: ReturnRange): void {
  for (let i = 0; i < 5; i++) callee.regs[i + 1] = args[i] ?? UNINITIALISED
  callee.inCallback = true
  callee.callbackRange = range
}

function elementOf(type: number, map: VerifierMap): Reg {
  return pointerReg(type, 0, map)
}

/** `for_each_map_elem(map, callback, context, flags)`: callback(map, key, value, context). */
export function setUpMapElement(env: Environment, caller: Frame, callee: Frame): void {
  const map = caller.regs[1]!.map
  if (!MAPS_TO_WALK.has(mapTypeName(env, map))) reject('callback', 'callback function not allowed for map')
  const key = elementOf(PTR_TO_MAP_KEY, map)
  const value = elementOf(PTR_TO_MAP_VALUE, map)
  begin(callee, [caller.regs[1]!, key, value, caller.regs[3]!], AGAIN)
}

/** `loop(rounds, callback, context, flags)`: callback(index, context). */
export function setUpLoop(_env: Environment, caller: Frame, callee: Frame): void {
  begin(callee, [UNKNOWN_SCALAR, caller.regs[3]!], AGAIN)
}

/** Callbacks that run later, of an object in a value of `map`: callback(map, key, value). */
export function beginLater(callee: Frame, map: VerifierMap, range: ReturnRange): void {
  const args = [elementOf(CONST_PTR_TO_MAP, map), elementOf(PTR_TO_MAP_KEY, map), elementOf(PTR_TO_MAP_VALUE, map)]
  begin(callee, args, range)
  callee.inCallback = false
  callee.inAsyncCallback = true
}

/** `timer_set_callback(timer, callback)`. */
export function setUpTimer(_env: Environment, caller: Frame, callee: Frame): void {
  beginLater(callee, caller.regs[1]!.map, NOTHING)
}

/** `find_vma(task, address, callback, context, flags)`: callback(task, vma, context). */
export function setUpFindVma(env: Environment, caller: Frame, callee: Frame): void {
  const vma = new Reg(PTR_TO_BTF_ID, ZERO, 0, 0, 0, 0, kernelType(env, 'vm_area_struct'))
  begin(callee, [caller.regs[1]!, vma, caller.regs[4]!], AGAIN)
}

/** `user_ringbuf_drain(map, callback, context, flags)`: callback(dynptr, context). */
export function setUpRingbufDrain(env: Environment, caller: Frame, callee: Frame): void {
  begin(callee, [constantDynptr(env, 'local'), caller.regs[3]!], AGAIN)
}

/** Whether this is the callback of a tree, which runs with the tree's lock held. */
export function inTreeCallback(env: Environment): boolean {
  const { frame } = env.cur
  if (env.cur.curframe === 0 || !frame.inCallback) return false
  const insn = env.insns[frame.callsite] as CallInsn
  return insn.target === 'kfunc' && kernelFunctionName(env, frame.callsite) === 'bpf_rbtree_add_impl'
}
