/**
 * Writes to the stack: a register that is stored whole at the beginning of a slot is kept (spilled), everything else
 * leaves bytes of which only the kind is known.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import { destroyDynptrSlot } from '../calls/dynptr-slots.ts'
import { type Environment, INSN_NOSPEC_RESULT } from '../environment.ts'
import { pushHistory, stackAccess } from '../explore/history.ts'
import { markPrecise } from '../explore/precision.ts'
import { markStackWritten } from '../explore/stack-liveness.ts'
import { reject } from '../rejection.ts'
import { constantReg, isNullConstant, type Reg, StackSlot, UNINITIALISED } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  NOT_INIT,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  SCALAR_VALUE,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
} from '../types.ts'
import { linkScalar, widthOf } from './registers.ts'
import { frameOf, isSpecial, placeOf, SLOT_BYTES, scrubbed, slotOf, withKind } from './stack.ts'

/** Writes `size` bytes at `off` plus the variable offset of R`regno`, from R`valueRegno` (-1: what is written is not known). */
export function writeStack(env: Environment, regno: number, off: number, size: number, valueRegno: number): void {
  const reg = env.cur.reg(regno)
  if (reg.scalar.isConstant) writeAt(env, reg.aux, off + reg.scalar.constant, size, valueRegno)
  else writeSomewhere(env, regno, off, size, valueRegno)
}

/** The constant that the current instruction stores, if it is a store of a constant. */
function storedConstant(env: Environment): number | undefined {
  const insn = env.insns[env.insn]!
  return insn.kind === 'store' && 'imm' in insn.src ? insn.src.imm : undefined
}

function isSpillable(reg: Reg): boolean {
  const base = baseType(reg.type)
  return base !== NOT_INIT && base !== SCALAR_VALUE && base !== PTR_TO_TP_BUFFER && base !== CONST_PTR_TO_DYNPTR
}

function writeAt(env: Environment, frameno: number, off: number, size: number, valueRegno: number): void {
  const spi = slotOf(off)
  const place = placeOf(off)
  const { bpfCapable, allowPointerLeaks, bypassSpectreV4 } = env.permissions
  let slot = env.cur.frames[frameno]!.stack[spi]!
  if (!allowPointerLeaks && slot.isSpill && slot.reg.type !== SCALAR_VALUE && size !== SLOT_BYTES) {
    reject('corrupt_spill', 'attempt to corrupt spilled pointer on stack', { frameno, off, size })
  }
  let value = valueRegno >= 0 ? env.cur.reg(valueRegno) : undefined
  if (!bypassSpectreV4) sanitise(env, slot, place, size, value)

  if ((slot.bytes & 0xf) === STACK_DYNPTR) {
    destroyDynptrSlot(env, frameno, spi)
    slot = env.cur.frames[frameno]!.stack[spi]!
  }
  // A slot counts as written, for liveness, only if all of it is.
  if (size === SLOT_BYTES && place === 0) markWritten(env, frameno, spi)

  const constant = valueRegno >= 0 ? undefined : storedConstant(env)
  let stored: Reg | undefined
  if (value !== undefined && place === 0 && value.type === SCALAR_VALUE && bpfCapable) {
    if (widthOf(value) <= size * 8) {
      value = linkScalar(env, valueRegno)
      stored = value
    } else {
      // What is stored is only a part: it is not linked to the whole.
      stored = value.unlinked()
    }
  } else if (constant !== undefined && place === 0 && bpfCapable) {
    stored = constantReg(constant)
  } else if (value !== undefined && isSpillable(value)) {
    if (size !== SLOT_BYTES) reject('corrupt_spill', 'invalid size of register spill', { regno: valueRegno, off, size })
    if (frameno !== env.cur.curframe && value.type === PTR_TO_STACK) {
      reject('pointer_leak', 'cannot spill pointers to stack into stack frame of the caller', { regno: valueRegno })
    }
    stored = value
  }

  if (stored !== undefined) {
    env.cur.writable(frameno).stack[spi] = spilled(slot, stored, size)
    pushHistory(env, env.cur, stackAccess(frameno, spi), undefined)
    return
  }
  const zero = value !== undefined ? isNullConstant(value) : constant === 0
  // A zero that is no spill is known by its kind alone, so what it came from has to stay exact.
  if (zero && valueRegno >= 0) markPrecise(env, valueRegno)
  const bytes = isSpecial(slot) ? scrubbed(slot.bytes) : slot.bytes
  env.cur.writable(frameno).stack[spi] = new StackSlot(
    withKind(bytes, place, size, zero ? STACK_ZERO : STACK_MISC),
    UNINITIALISED,
  )
}

/** A store that a later load may overtake in the CPU is fenced, unless it replaces plain data: a mispredicted path ends behind it. */
function sanitise(env: Environment, slot: StackSlot, place: number, size: number, value: Reg | undefined): void {
  let fenced = value !== undefined && isSpillable(value)
  for (let i = place; i < place + size && !fenced; i++) {
    const kind = slot.byte(i)
    fenced = kind !== STACK_MISC && kind !== STACK_ZERO
  }
  if (fenced) env.setFlag(env.insn, INSN_NOSPEC_RESULT)
}

function markWritten(env: Environment, frameno: number, spi: number): void {
  if (spi < 32) markStackWritten(env, frameno, 1 << spi, 0)
  else markStackWritten(env, frameno, 0, 1 << (spi - 32))
}

/** The slot once `size` bytes of `reg` were spilled to its beginning. */
function spilled(slot: StackSlot, reg: Reg, size: number): StackSlot {
  let bytes = slot.bytes
  for (let place = size; place < SLOT_BYTES; place++) {
    const kind = slot.byte(place)
    if (kind !== STACK_ZERO && kind !== STACK_INVALID) bytes = withKind(bytes, place, 1, STACK_MISC)
  }
  return new StackSlot(withKind(bytes, 0, size, STACK_SPILL), reg)
}

/**
 * A write of which only the range is known: each byte of it may or may not be written. Uninitialised bytes count as
 * initialised afterwards for trusted authors: anything else would be too confusing.
 */
function writeSomewhere(env: Environment, regno: number, off: number, size: number, valueRegno: number): void {
  const pointer = env.cur.reg(regno)
  const frameno = pointer.aux
  const min = pointer.scalar.smin + off
  const end = pointer.scalar.smax + off + size
  const value = valueRegno >= 0 ? env.cur.reg(valueRegno) : undefined
  const writesZero = value !== undefined ? isNullConstant(value) : valueRegno < 0 && storedConstant(env) === 0
  let zeroUsed = false

  for (let at = min; at < end; at++) {
    const spi = slotOf(at)
    if ((frameOf(env, pointer).stack[spi]!.bytes & 0xf) === STACK_DYNPTR) destroyDynptrSlot(env, frameno, spi)
  }
  const { stack } = env.cur.writable(frameno)
  for (let at = min; at < end; at++) {
    const spi = slotOf(at)
    const slot = stack[spi]!
    const place = placeOf(at)
    const kind = slot.byte(place)
    if (!env.permissions.allowPointerLeaks && kind !== STACK_MISC && kind !== STACK_ZERO) {
      // Linux leaves out the line break here.
      reject('variable_offset', `spilled ptr in range of var-offset stack write; insn ${env.insn}, ptr off: ${at}`, {
        regno,
        off: at,
      })
    }
    if (writesZero && kind === STACK_SPILL && isNullConstant(slot.reg)) {
      zeroUsed = true
      continue
    }
    // What was here as a whole is gone, also where the write may miss.
    const bytes = isSpecial(slot) ? scrubbed(slot.bytes) : slot.bytes
    let written = STACK_MISC
    if (writesZero && bytes === slot.bytes && kind === STACK_ZERO) {
      written = STACK_ZERO
      zeroUsed = true
    }
    if (kind === STACK_INVALID && !env.permissions.allowUninitialisedStack) {
      reject(
        'uninitialised_stack',
        `uninit stack in range of var-offset write prohibited for !root; insn ${env.insn}, off: ${at}`,
        { regno, off: at },
      )
    }
    stack[spi] = new StackSlot(withKind(bytes, place, 1, written), UNINITIALISED)
  }
  if (zeroUsed && valueRegno >= 0) markPrecise(env, valueRegno)
}
