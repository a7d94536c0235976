/**
 * Map values: who may read and write them, special fields that loads and stores must not touch, kernel pointers that
 * they hold, and constants from maps that nobody can change any more.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @see https://docs.ebpf.io/linux/concepts/kptrs/
 * @module
 */
import { effectiveFlags, findField, mapRecord, type SpecialField } from '../calls/record.ts'
import { constantPair } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import type { VerifierMap } from '../program.ts'
import { reject } from '../rejection.ts'
import { type Reg, scalarReg } from '../state.ts'
import { fieldName } from './field-names.ts'
import { checkKptrAccess } from './kptr.ts'
import { checkRegion } from './region.ts'
import { isPointerValue, markUnknown } from './registers.ts'

/** Creation flags of maps. */
const BPF_F_RDONLY_PROG = 1 << 7
const BPF_F_WRONLY_PROG = 1 << 8

/** Map type numbers whose values have addresses that are known when a program is loaded: array only. */
const MAP_TYPE_ARRAY = 2

/** A load or store of `size` bytes at `off` (with the pointer's fixed offset) of a map value. */
export function accessMapValue(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
  valueRegno: number,
  signed: boolean,
): void {
  const reg = env.cur.reg(regno)
  const { map } = reg
  if (access === 'write' && valueRegno >= 0 && isPointerValue(env, env.cur.reg(valueRegno))) {
    reject('pointer_leak', `R${valueRegno} leaks addr into map`, { regno: valueRegno })
  }
  checkMapPermission(reg, regno, off, size, access)
  checkMapValue(reg, regno, off, size, false, 'direct')
  if (reg.scalar.isConstant) {
    const at = off + reg.scalar.constant
    const field = pointerFieldAt(map, at)
    if (field !== undefined) {
      checkKptrAccess(env, field, access, valueRegno)
      return
    }
    if (access === 'read' && valueRegno >= 0 && isConstantMap(map)) {
      env.cur.setReg(valueRegno, readConstant(env, map, at, size, signed))
      return
    }
  }
  if (access === 'read' && valueRegno >= 0) markUnknown(env, valueRegno)
}

/** The map's creation flags allow programs this access. */
export function checkMapPermission(reg: Reg, regno: number, off: number, size: number, access: 'read' | 'write'): void {
  const { valueSize } = reg.map
  const flags = effectiveFlags(reg.map)
  const where = `value_size=${valueSize} off=${off} size=${size}`
  if (access === 'write' && (flags & BPF_F_RDONLY_PROG) !== 0) {
    reject('read_only', `write into map forbidden, ${where}`, { regno, map: reg.map })
  }
  if (access === 'read' && (flags & BPF_F_WRONLY_PROG) !== 0) {
    reject('write_only', `read from map forbidden, ${where}`, { regno, map: reg.map })
  }
}

/** The bytes lie in the value, and none that may be touched belongs to a special field, but for pointers accessed whole. */
export function checkMapValue(
  reg: Reg,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
  by: 'direct' | 'helper',
): void {
  checkRegion(reg, regno, off, size, reg.map.valueSize, zeroAllowed)
  const record = mapRecord(reg.map)
  if (record.length === 0) return
  const first = reg.scalar.smin + off
  const end = reg.scalar.umax + off + size
  for (const field of record) {
    if (first < field.offset + field.size && field.offset < end) checkField(reg, field, off, size, by)
  }
}

/** What a helper may do with a map value of which `reg`, R`regno` or what it is about to hold, is a pointer. */
export function checkMapAccess(
  _env: Environment,
  regno: number,
  reg: Reg,
  off: number,
  size: number,
  zeroAllowed: boolean,
): void {
  checkMapValue(reg, regno, off, size, zeroAllowed, 'helper')
}

function checkField(reg: Reg, field: SpecialField, off: number, size: number, by: 'direct' | 'helper'): void {
  const { kind, offset } = field
  const name = fieldName(kind)
  const facts = { field, off, size }
  if (kind !== 'kptr_unref' && kind !== 'kptr_ref' && kind !== 'kptr_percpu' && kind !== 'uptr') {
    reject('special_field', `${name} cannot be accessed directly by load/store`, facts)
  }
  if (by === 'helper') reject('special_field', `${name} cannot be accessed indirectly by helper`, facts)
  if (!reg.scalar.isConstant) reject('special_field', `${name} access cannot have variable offset`, facts)
  const at = off + reg.scalar.constant
  if (at !== offset) reject('special_field', `${name} access misaligned expected=${offset} off=${at}`, facts)
  if (size !== 8) reject('special_field', `${name} access size must be BPF_DW`, facts)
}

function pointerFieldAt(map: VerifierMap, at: number): SpecialField | undefined {
  const record = mapRecord(map)
  if (record.length === 0) return undefined
  const field = record.find((one) => one.offset === at)
  return field && findField([field], 'kptr_unref', 'kptr_ref', 'kptr_percpu', 'uptr')
}

/** Neither programs nor the host can change the values any more, and they are known. */
export function isConstantMap(map: VerifierMap): boolean {
  return (
    map.frozen === true &&
    (map.flags & BPF_F_RDONLY_PROG) !== 0 &&
    map.contents !== undefined &&
    map.type === MAP_TYPE_ARRAY &&
    map.maxEntries === 1
  )
}

/** The number that a load of `size` bytes at `at` gives. */
function readConstant(env: Environment, map: VerifierMap, at: number, size: number, signed: boolean): Reg {
  const bytes = map.contents!
  const big = env.program.byteOrder === 'big'
  let low = 0
  let high = 0
  for (let i = 0; i < size; i++) {
    // Contents that are shorter than a value end in zeros.
    const byte = bytes[at + (big ? size - 1 - i : i)] ?? 0
    if (i < 4) low |= byte << (8 * i)
    else high |= byte << (8 * (i - 4))
  }
  if (signed && size < 8) {
    const unused = 32 - size * 8
    low = (low << unused) >> unused
    high = low >> 31
  }
  return scalarReg(constantPair(low, high))
}
