/**
 * Kernel pointers that live in map values and objects.
 * @see https://docs.ebpf.io/linux/concepts/kptrs/
 * @module
 */
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import {
  baseType,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  regTypeName,
  typeFlags,
} from '../types.ts'
import { isKernelType, kptrType, structIdsMatch, typeName } from './btf-match.ts'
import type { CallContext } from './context.ts'
import { checkPointerOffset, fixedOffset } from './pointers.ts'
import { type FieldRecord, mapRecord, regRecord, type SpecialField } from './record.ts'

function permittedFlags(env: Environment, reg: Reg, field: SpecialField): number {
  if (isKernelType(env, reg.btf)) {
    const flags = PTR_MAYBE_NULL | PTR_TRUSTED | MEM_RCU
    return field.kind === 'kptr_unref' ? flags | PTR_UNTRUSTED : flags
  }
  return PTR_MAYBE_NULL | MEM_ALLOC | (field.kind === 'kptr_percpu' ? MEM_PERCPU : 0)
}

/** The register may be stored in this field: the types agree. */
export function checkKptrMatch(env: Environment, field: SpecialField, reg: Reg, regno: number): void {
  const expected = kptrType(env, field)
  let name = ''
  if (baseType(reg.type) === PTR_TO_BTF_ID && (typeFlags(reg.type) & ~permittedFlags(env, reg, field)) === 0) {
    name = typeName(reg.btf)
    checkPointerOffset(env, reg, regno, true)
    if (structIdsMatch(reg.btf, reg.off, expected, field.kind !== 'kptr_unref')) return
  }
  const target = typeName(expected)
  const untrusted = field.kind === 'kptr_unref' ? ` or ${regTypeName(PTR_TO_BTF_ID | PTR_UNTRUSTED)}${target}` : ''
  reject(
    'argument_type',
    `invalid kptr access, R${regno} type=${regTypeName(reg.type)}${name} expected=${regTypeName(PTR_TO_BTF_ID)}${target}${untrusted}`,
    { regno },
  )
}

const isKptr = (field: SpecialField): boolean =>
  field.kind === 'kptr_ref' || field.kind === 'kptr_unref' || field.kind === 'kptr_percpu'

/** The register points at a kernel pointer that owns what it points to: where `kptr_xchg` may exchange. */
export function checkKptrDestination(_env: Environment, reg: Reg, regno: number, call: CallContext): void {
  const facts = { regno }
  let record: FieldRecord
  if (baseType(reg.type) === PTR_TO_MAP_VALUE) {
    const { map } = reg
    if (map.btf === undefined) {
      reject('special_field', `map '${map.name}' has to have BTF in order to use bpf_kptr_xchg`, facts)
    }
    record = mapRecord(map)
    call.map = map
  } else {
    record = regRecord(reg)
  }
  if (!reg.scalar.isConstant) {
    reject('special_field', `R${regno} doesn't have constant offset. kptr has to be at the constant offset`, facts)
  }
  if (!record.some(isKptr)) reject('special_field', `R${regno} has no valid kptr`, facts)
  const off = fixedOffset(reg)
  const field = record.find((one) => one.offset === off && isKptr(one))
  if (field === undefined) reject('special_field', `off=${off} doesn't point to kptr`, facts)
  if (field.kind === 'kptr_unref') reject('special_field', `off=${off} kptr isn't referenced kptr`, facts)
  call.kptrField = field
}
