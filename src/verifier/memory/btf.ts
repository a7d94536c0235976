/**
 * Pointers to kernel objects that BTF describes, and pointers to maps, which are such objects too.
 *
 * Without the kernel's BTF (or where it lacks a type), nothing is known of what lies where: loads give unknown numbers,
 * from any offset, and so pointers cannot be followed.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { isKernelType, kernelType, typeName, typeRef } from '../calls/btf-match.ts'
import { recordOf } from '../calls/record.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { type BtfTypeRef, pointerReg, type Reg } from '../state.ts'
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RDONLY,
  MEM_USER,
  maybeNull,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_UNTRUSTED,
  type RegType,
} from '../types.ts'
import { walkedFlags } from './btf-trust.ts'
import { fieldName } from './field-names.ts'
import { checkKernelWrite } from './kernel-writes.ts'
import { markUnknown } from './registers.ts'
import { type StructAccess, structAccess } from './struct-walk.ts'
import { tnumText } from './text.ts'

/** An access to `size` bytes at `off` (with the pointer's fixed offset) of a kernel object or one that the program made. */
export function accessBtf(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
  valueRegno: number,
): void {
  const reg = env.cur.reg(regno)
  const ref = reg.btf
  checkObject(env, reg, regno, off)
  const allocated = (reg.type & MEM_ALLOC) !== 0
  if (access === 'write' && !allocated) {
    checkKernelWrite(env, ref, off, size)
    return
  }
  // Only what the program allocated may be written like memory.
  if (allocated) checkNoSpecialField(ref, off, size)
  const found = lookUp(ref, off, size)
  if (access === 'read' && valueRegno >= 0) {
    // Pointers in objects that programs allocate are plain numbers: anyone may have written them.
    if (found.kind === 'pointer' && !allocated) {
      setPointer(env, valueRegno, typeRef(ref.btf, found.id), walkedFlags(env, reg, found.field, found.id, found.flags))
    } else setValue(env, valueRegno, found)
  }
}

/** The pointer may be followed at all. */
function checkObject(env: Environment, reg: Reg, regno: number, off: number): void {
  const name = typeName(reg.btf)
  const facts = { regno, off, type: name }
  if (!env.permissions.allowPointerLeaks) {
    reject('pointer_leak', `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`, facts)
  }
  if (!env.gplCompatible && isKernelType(env, reg.btf)) {
    reject('gpl_only', `Cannot access kernel 'struct ${name}' from non-GPL compatible program`, facts)
  }
  if (off < 0) reject('negative_offset', `R${regno} is ptr_${name} invalid negative access: off=${off}`, facts)
  if (!reg.scalar.isZero) {
    const message = `R${regno} is ptr_${name} invalid variable offset: off=${off}, var_off=${tnumText(reg.scalar)}`
    reject('variable_offset', message, facts)
  }
  if ((reg.type & MEM_USER) !== 0) {
    reject('wrong_type', `R${regno} is ptr_${name} access user memory: off=${off}`, facts)
  }
  if ((reg.type & MEM_PERCPU) !== 0) {
    reject('wrong_type', `R${regno} is ptr_${name} access percpu memory: off=${off}`, facts)
  }
}

function checkNoSpecialField(ref: BtfTypeRef, off: number, size: number): void {
  for (const field of recordOf(ref.btf, ref.id)) {
    if (off >= field.offset + field.size || field.offset >= off + size) continue
    reject('special_field', `direct access to ${fieldName(field.kind)} is disallowed`, { field, off, size })
  }
}

const UNKNOWN_CONTENTS: StructAccess = { kind: 'scalar' }

/** A type of which nothing but its name is known. */
function isOpaque({ btf, id }: BtfTypeRef): boolean {
  const type = btf.get(id)
  return type?.kind === 'struct' && type.size === 0 && type.members.length === 0 && btf.length === 2
}

function lookUp(ref: BtfTypeRef, off: number, size: number): StructAccess {
  if (isOpaque(ref)) return UNKNOWN_CONTENTS
  const found = structAccess(ref.btf, ref.id, off, size)
  if (found.kind === 'error') reject('out_of_bounds', found.message, { off, size, type: typeName(ref) })
  return found
}

function setPointer(env: Environment, regno: number, target: BtfTypeRef, flags: RegType): void {
  const reg = pointerReg(PTR_TO_BTF_ID | flags, 0, target)
  env.cur.setReg(regno, maybeNull(flags) ? reg.withId(env.newId()) : reg)
}

function setValue(env: Environment, regno: number, found: StructAccess): void {
  if (found.kind === 'untrusted_memory') env.cur.setReg(regno, pointerReg(PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED))
  else markUnknown(env, regno)
}

/** The kernel's structures of maps, by the names of map types. */
const MAP_STRUCTURES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bpf_htab: 'hash percpu_hash lru_hash lru_percpu_hash hash_of_maps',
    bpf_array: 'array percpu_array prog_array perf_event_array cgroup_array array_of_maps',
    lpm_trie: 'lpm_trie',
    bpf_stack_map: 'stack_trace',
    bpf_cgroup_storage_map: 'cgroup_storage percpu_cgroup_storage',
    bpf_dtab: 'devmap devmap_hash',
    bpf_stab: 'sockmap',
    bpf_shtab: 'sockhash',
    bpf_cpu_map: 'cpumap',
    xsk_map: 'xskmap',
    reuseport_array: 'reuseport_sockarray',
    bpf_queue_stack: 'queue stack',
    bpf_local_storage_map: 'sk_storage inode_storage task_storage cgrp_storage',
    bpf_struct_ops_map: 'struct_ops',
    bpf_ringbuf_map: 'ringbuf user_ringbuf',
    bpf_bloom_filter: 'bloom_filter',
    bpf_arena: 'arena',
  }).flatMap(([struct, types]) => types.split(' ').map((type) => [type, struct] as const)),
)

/** An access through a pointer to a map itself: a read-only kernel object. */
export function accessMapPointer(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
  valueRegno: number,
): void {
  const { map } = env.cur.reg(regno)
  const name = MAP_STRUCTURES.get(env.platform.mapTypes.get(map.type)?.name ?? '')
  const facts = { regno, off, size, map }
  if (name === undefined) {
    reject('not_supported', `map_ptr access not supported for map type ${map.type}`, facts)
  }
  if (!env.permissions.allowPointerLeaks) {
    reject('pointer_leak', `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`, facts)
  }
  if (off < 0) reject('negative_offset', `R${regno} is ${name} invalid negative access: off=${off}`, facts)
  if (access === 'write') reject('read_only', `only read from ${name} is supported`, facts)
  const ref = kernelType(env, name)
  const found = lookUp(ref, off, size)
  if (valueRegno < 0) return
  if (found.kind === 'pointer') setPointer(env, valueRegno, typeRef(ref.btf, found.id), found.flags)
  else setValue(env, valueRegno, found)
}
