/**
 * Loads and stores of kernel pointers that lie in map values.
 * @see https://docs.ebpf.io/linux/concepts/kptrs/
 * @module
 */
import { isKernelType, kptrType, typeName } from '../calls/btf-match.ts'
import { checkKptrMatch } from '../calls/kptr.ts'
import { findField, recordOf, type SpecialField } from '../calls/record.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { type BtfTypeRef, isNullConstant, pointerReg } from '../state.ts'
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_UNTRUSTED,
  type RegType,
} from '../types.ts'
import { inRcuSection } from './btf-trust.ts'

/** The access is to a whole kernel pointer: `field`, at a constant offset. */
export function checkKptrAccess(
  env: Environment,
  field: SpecialField,
  access: 'read' | 'write',
  valueRegno: number,
): void {
  const insn = env.insns[env.insn]!
  if (insn.kind !== 'load' && insn.kind !== 'store') {
    reject('special_field', 'kptr in map can only be accessed using BPF_MEM instruction mode', { field })
  }
  if (access === 'read') {
    if (valueRegno >= 0) loadPointer(env, field, valueRegno)
    return
  }
  if (field.kind === 'kptr_ref' || field.kind === 'kptr_percpu') {
    reject('special_field', 'store to referenced kptr disallowed', { field })
  }
  if (field.kind === 'uptr') reject('special_field', 'store to uptr disallowed', { field })
  if (valueRegno >= 0) {
    const value = env.cur.reg(valueRegno)
    if (!isNullConstant(value)) checkKptrMatch(env, field, value, valueRegno)
  } else if (insn.kind === 'store' && 'imm' in insn.src && insn.src.imm !== 0) {
    reject('special_field', `BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`, { field })
  }
}

function loadPointer(env: Environment, field: SpecialField, valueRegno: number): void {
  const target = kptrType(env, field)
  const id = env.newId()
  if (field.kind === 'uptr') {
    const size = target.btf.sizeOf(target.id)
    env.cur.setReg(valueRegno, pointerReg(PTR_TO_MEM | PTR_MAYBE_NULL, size).withId(id))
    return
  }
  env.cur.setReg(valueRegno, pointerReg(PTR_TO_BTF_ID | loadedFlags(env, field, target), 0, target).withId(id))
}

/** Kernel structures whose memory outlives an RCU read-side section. */
const RCU_PROTECTED: ReadonlySet<string> = new Set([
  'prog_test_ref_kfunc',
  'cgroup',
  'bpf_cpumask',
  'task_struct',
  'bpf_crypto_ctx',
])

function loadedFlags(env: Environment, field: SpecialField, target: BtfTypeRef): RegType {
  const kernel = isKernelType(env, target)
  const safe =
    field.kind === 'kptr_percpu' || (field.kind === 'kptr_ref' && (!kernel || RCU_PROTECTED.has(typeName(target))))
  if (!safe || !inRcuSection(env)) return PTR_MAYBE_NULL | PTR_UNTRUSTED
  let flags = PTR_MAYBE_NULL | MEM_RCU
  if (field.kind === 'kptr_percpu') flags |= MEM_PERCPU
  else if (!kernel) flags |= MEM_ALLOC
  // A node of a list or tree that nobody else owns cannot go away while it is looked at.
  const node = kernel ? undefined : findField(recordOf(target.btf, target.id), 'list_node', 'rb_node')
  return node === undefined ? flags : flags | NON_OWN_REF
}
