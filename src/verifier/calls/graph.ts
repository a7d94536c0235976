/**
 * Lists and trees of allocated objects: their roots lie in map values or objects next to the lock that guards them; what
 * is put in is no longer owned, and may be looked at as long as the lock is held.
 * @see https://docs.kernel.org/bpf/graph_ds_impl.html
 * @module
 */
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { mapRegisters } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import { Reg } from '../state.ts'
import { MEM_ALLOC, MEM_RCU, NON_OWN_REF, PTR_TO_BTF_ID, PTR_TO_MAP_VALUE } from '../types.ts'
import { structIdsMatch, typeName, typeRef } from './btf-match.ts'
import type { CallContext } from './context.ts'
import { holdsLock } from './locks.ts'
import { fixedOffset } from './pointers.ts'
import { findField, regRecord, type SpecialField } from './record.ts'

const OWNED = PTR_TO_BTF_ID | MEM_ALLOC

export const LIST_KFUNCS: ReadonlySet<string> = new Set([
  'bpf_list_push_front_impl',
  'bpf_list_push_back_impl',
  'bpf_list_pop_front',
  'bpf_list_pop_back',
  'bpf_list_front',
  'bpf_list_back',
])

export const TREE_KFUNCS: ReadonlySet<string> = new Set([
  'bpf_rbtree_add_impl',
  'bpf_rbtree_remove',
  'bpf_rbtree_first',
  'bpf_rbtree_root',
  'bpf_rbtree_left',
  'bpf_rbtree_right',
])

/** They take what is handed over into a list or tree. */
export const ADDS_NODE: ReadonlySet<string> = new Set([
  'bpf_list_push_front_impl',
  'bpf_list_push_back_impl',
  'bpf_rbtree_add_impl',
])

function checkConstantOffset(reg: Reg, regno: number, name: string): void {
  if (reg.scalar.isConstant) return
  reject('argument_type', `R${regno} doesn't have constant offset. ${name} has to be at the constant offset`, { regno })
}

/** Argument `regno` is the root of a list or tree whose lock is held. */
export function checkRoot(env: Environment, regno: number, kind: 'list_head' | 'rb_root', call: CallContext): void {
  const reg = env.cur.reg(regno)
  const facts = { regno }
  if (reg.type !== PTR_TO_MAP_VALUE && reg.type !== OWNED) {
    reject('argument_type', `arg#${regno - 1} expected pointer to map value or allocated object`, facts)
  }
  checkReferenced(reg, regno)
  const name = `bpf_${kind}`
  checkConstantOffset(reg, regno, name)
  const record = regRecord(reg)
  const off = fixedOffset(reg)
  const field = record.find((one) => one.kind === kind && one.offset === off)
  if (field === undefined) reject('argument_type', `${name} not found at offset=${off >>> 0}`, facts)
  const owner: object = reg.type === PTR_TO_MAP_VALUE ? reg.map : reg.btf.btf
  const held = holdsLock(env.cur, reg.id, owner, 'lock', 'res_lock', 'res_lock_irq')
  if (env.cur.activeLocks === 0 || !held) {
    const lines = env.cur.activeLocks > 0 ? ['held lock and object are not in the same allocation'] : []
    const lock = findField(record, 'spin_lock')?.offset ?? -22
    reject('lock_missing', [...lines, `bpf_spin_lock at off=${lock} must be held for ${name}`], facts)
  }
  call.rootField = field
}

function checkReferenced(reg: Reg, regno: number): void {
  if (reg.type !== OWNED || reg.refObjId !== 0) return
  reject('argument_type', 'allocated object must be referenced', { regno })
}

/** Argument `regno` is a node of the kind that the root before it holds. */
export function checkNode(
  env: Environment,
  regno: number,
  kind: 'list_node' | 'rb_node',
  kfunc: string,
  call: CallContext,
): void {
  const reg = env.cur.reg(regno)
  const facts = { regno }
  if (ADDS_NODE.has(kfunc)) {
    if (reg.type !== OWNED) reject('argument_type', `arg#${regno - 1} expected pointer to allocated object`, facts)
    checkReferenced(reg, regno)
  } else if ((reg.type & NON_OWN_REF) === 0 && reg.refObjId === 0) {
    reject('argument_type', `${kfunc} can only take non-owning or refcounted bpf_rb_node pointer`, facts)
  }
  const name = `bpf_${kind}`
  checkConstantOffset(reg, regno, name)
  const off = fixedOffset(reg)
  if (!regRecord(reg).some((one) => one.kind === kind && one.offset === off)) {
    reject('argument_type', `${name} not found at offset=${off >>> 0}`, facts)
  }
  const root = call.rootField!
  const held = typeRef(root.btf!, root.typeId)
  if (!structIdsMatch(reg.btf, 0, held, true)) {
    reject(
      'argument_type',
      `operation on bpf_${root.kind} expects arg#1 ${name} at offset=${root.nodeOffset} in struct ${typeName(held)}, but arg is at offset=${off} in struct ${typeName(reg.btf)}`,
      facts,
    )
  }
  if (off !== root.nodeOffset) {
    const message = `arg#1 offset=${off}, but expected ${name} at offset=${root.nodeOffset} in struct ${typeName(held)}`
    reject('argument_type', message, facts)
  }
  call.objectType = reg.btf
}

/** A pointer to the node of an object that a list or tree holds. */
export function nodePointer(root: SpecialField): Reg {
  return new Reg(OWNED, ZERO, root.nodeOffset, 0, 0, 0, typeRef(root.btf!, root.typeId))
}

/** The pointer borrows its object: it is good as long as the lock is held. */
export function borrowed(reg: Reg): Reg {
  const counted = findField(regRecord(reg), 'refcount') !== undefined
  return reg.withType(reg.type | NON_OWN_REF | (counted ? MEM_RCU : 0))
}

/** All pointers that own this object borrow it from now on: a list or tree owns it. */
export function borrowAll(env: Environment, refObjId: number): void {
  mapRegisters(env.cur, (reg) => (reg.refObjId === refObjId ? borrowed(reg.withRef(0)) : reg))
}
