/**
 * Dynptrs: pointers with a length of their own, kept in 16 bytes of stack, to memory whose size only the running program
 * knows. Functions make them, look through them and destroy them; the program itself may not touch them.
 * @see https://docs.ebpf.io/linux/concepts/dynptrs/
 * @module
 */
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { checkMemoryAccess } from '../memory/access.ts'
import { markSlotRead } from '../memory/stack.ts'
import { reject } from '../rejection.ts'
import { Reg } from '../state.ts'
import { baseType, CONST_PTR_TO_DYNPTR, PTR_TO_MEM, PTR_TO_STACK, STACK_DYNPTR } from '../types.ts'
import { type DynptrKind, destroyDynptrSlot, dynptrInfo, isReferencing } from './dynptr-slots.ts'
import { acquireReference, releaseReference } from './references.ts'
import { clearSlot, isWholly, NOWHERE, stackFrame, stackObjectSlot, UNTOUCHED, writeSlot } from './stack-object.ts'

const SLOTS = 2

function dynptrReg(kind: DynptrKind, first: boolean, id: number, refObjId: number): Reg {
  return new Reg(CONST_PTR_TO_DYNPTR, ZERO, 0, id, refObjId, 0, {
    kind: 'dynptr',
    dynptr: kind,
    readOnly: false,
    first,
  })
}

/** The dynptr that a callback or a global function gets as an argument: it may look through it, not change it. */
export function constantDynptr(env: Environment, kind: DynptrKind): Reg {
  return dynptrReg(kind, true, env.newId(), 0)
}

function slotOf(env: Environment, reg: Reg, messages: string[] = []): number {
  return stackObjectSlot(env, reg, 'dynptr', SLOTS, messages)
}

/** The first half of the dynptr that an argument is or points to; undefined if there is none. */
export function dynptrAt(env: Environment, reg: Reg): Reg | undefined {
  if (reg.type === CONST_PTR_TO_DYNPTR) return reg
  if (reg.type !== PTR_TO_STACK) return undefined
  const spi = slotOf(env, reg)
  return spi < 0 ? undefined : stackFrame(env, reg).stack[spi]?.reg
}

export function isReferencedDynptr(env: Environment, reg: Reg): boolean {
  return (dynptrAt(env, reg)?.refObjId ?? 0) !== 0
}

export interface DynptrUse {
  /** The callee makes it. */
  readonly uninit: boolean
  /** The callee neither changes nor destroys the dynptr itself. */
  readonly readOnly: boolean
  /** What it has to be, or becomes; undefined: any. */
  readonly type: DynptrKind | undefined
  /** The reference that a copy shares with what it is a copy of. */
  readonly cloneOf: number | undefined
}

function makeDynptr(env: Environment, regno: number, kind: DynptrKind, cloneOf: number | undefined): void {
  const reg = env.cur.reg(regno)
  const spi = slotOf(env, reg)
  const frameno = reg.aux
  // The two slots may be halves of two dynptrs that were here before.
  destroyDynptrSlot(env, frameno, spi)
  destroyDynptrSlot(env, frameno, spi - 1)
  const id = env.newId()
  const refObjId = isReferencing(kind) ? cloneOf || acquireReference(env) : 0
  writeSlot(env, frameno, spi, STACK_DYNPTR, dynptrReg(kind, true, id, refObjId))
  writeSlot(env, frameno, spi - 1, STACK_DYNPTR, dynptrReg(kind, false, id, refObjId))
}

function isInitialised(env: Environment, reg: Reg, messages: string[]): boolean {
  if (reg.type === CONST_PTR_TO_DYNPTR) return true
  const spi = slotOf(env, reg, messages)
  if (spi < 0) return false
  const frame = stackFrame(env, reg)
  return (
    isWholly(frame, spi, STACK_DYNPTR) &&
    isWholly(frame, spi - 1, STACK_DYNPTR) &&
    dynptrInfo(frame.stack[spi]!.reg).first
  )
}

/** Argument `regno` is a dynptr of the right kind, or room for one, which is then made. */
export function checkDynptrArgument(env: Environment, regno: number, use: DynptrUse): void {
  const reg = env.cur.reg(regno)
  const facts = { regno }
  const constant = reg.type === CONST_PTR_TO_DYNPTR
  if (reg.type !== PTR_TO_STACK && !constant) {
    reject('dynptr', `arg#${regno - 1} expected pointer to stack or const struct bpf_dynptr`, facts)
  }
  const messages: string[] = []
  if (use.uninit) {
    const spi = constant ? NOWHERE : slotOf(env, reg, messages)
    if (spi < 0 && spi !== UNTOUCHED) {
      reject('dynptr', [...messages, 'Dynptr has to be an uninitialized dynptr'], facts)
    }
    for (let i = 0; i < SLOTS; i++) checkMemoryAccess(env, env.insn, regno, i * 8, 8, 'write', -1, false, false)
    makeDynptr(env, regno, use.type ?? 'local', use.cloneOf)
    return
  }
  if (constant && !use.readOnly) {
    reject('dynptr', 'cannot pass pointer to const bpf_dynptr, the helper mutates it', facts)
  }
  if (!isInitialised(env, reg, messages)) {
    reject('dynptr', [...messages, `Expected an initialized dynptr as arg #${regno - 1}`], facts)
  }
  if (use.type !== undefined && dynptrInfo(dynptrAt(env, reg)!).dynptr !== use.type) {
    reject('dynptr', `Expected a dynptr of type ${use.type} as arg #${regno - 1}`, facts)
  }
  if (constant) return
  const spi = slotOf(env, reg)
  markSlotRead(env, reg.aux, spi)
  markSlotRead(env, reg.aux, spi - 1)
}

/** The dynptr that argument `regno` points to is given back: it, its copies and its slices are gone. Whether it could be. */
export function releaseDynptr(env: Environment, regno: number): boolean {
  const reg = env.cur.reg(regno)
  const spi = slotOf(env, reg)
  if (spi < 0) return false
  const frameno = reg.aux
  const first = stackFrame(env, reg).stack[spi]!.reg
  if (!isReferencing(dynptrInfo(first).dynptr)) {
    clearSlot(env, frameno, spi)
    clearSlot(env, frameno, spi - 1)
    return true
  }
  releaseReference(env, first.refObjId)
  // Its clones go too, in whatever frame they are. (Linux forgets those of other frames.)
  for (let at = 0; at < env.cur.frames.length; at++) clearClones(env, at, first.refObjId)
  return true
}

function clearClones(env: Environment, frameno: number, refObjId: number): void {
  const { stack } = env.cur.frames[frameno]!
  for (let i = 1; i < stack.length; i++) {
    const slot = stack[i]!
    const { target } = slot.reg
    if (slot.isSpill || slot.reg.refObjId !== refObjId || target === undefined) continue
    if (!('kind' in target) || target.kind !== 'dynptr' || !target.first) continue
    clearSlot(env, frameno, i)
    clearSlot(env, frameno, i - 1)
  }
}

/** Memory of `size` bytes that a function found in a dynptr, as long as that lives. */
export function dynptrSlice(dynptr: Reg, type: number, size: number, id: number): Reg {
  return new Reg(
    type,
    ZERO,
    0,
    id,
    dynptr.refObjId,
    size,
    baseType(type) === PTR_TO_MEM ? dynptrInfo(dynptr) : undefined,
  )
}
