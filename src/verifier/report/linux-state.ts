/**
 * What is known at a point, as the kernel's verifier prints it: ` R1=ctx() R10=fp0 fp-8=mmmmmmmm refs=2`.
 *
 * Bounds that say nothing are left out, equal ones share a value (`smax=umax=255`), and numbers beyond 16 bits are
 * hexadecimal.
 * @see https://docs.kernel.org/bpf/verifier.html#understanding-ebpf-verifier-messages
 * @module
 */
import type { Scalar } from '../domain/scalar.ts'
import { signed64, tnumText, unsigned64 } from '../memory/text.ts'
import {
  ADD_CONST,
  type Frame,
  isMapType,
  type PrecisionMarks,
  type Reg,
  type StackSlot,
  type State,
} from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  isPacketPointer,
  NON_OWN_REF,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TO_STACK,
  SCALAR_VALUE,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_ITER,
  STACK_SPILL,
} from '../types.ts'
import { regTypeName } from './type-names.ts'

const LARGEST_DECIMAL = 0xffffn
const SMALLEST_SIGNED_DECIMAL = -0x8000n
const LARGEST_SIGNED_DECIMAL = 0x7fffn

/** `8`, `-3`, `0x12345`, `0xffffffff80000000`. */
export function signedText(value: bigint): string {
  const decimal = value >= SMALLEST_SIGNED_DECIMAL && value <= LARGEST_SIGNED_DECIMAL
  return decimal ? value.toString() : hex(value)
}

export function unsignedText(value: bigint): string {
  return value <= LARGEST_DECIMAL ? value.toString() : hex(value)
}

function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`
}

interface Bound {
  readonly name: string
  readonly signed: boolean
  /** As printed: a 32-bit bound that is not written in decimal is not sign-extended. */
  readonly value: bigint
  /** It says nothing, or was printed together with an equal one. */
  omit: boolean
}

/** In Linux's order, so that those two apart are the same side of a range. */
function boundsOf(scalar: Scalar): Bound[] {
  const signed32 = (value: number): bigint => BigInt(value >= -0x8000 && value <= 0x7fff ? value : value >>> 0)
  const smin = signed64(scalar.sminLow, scalar.sminHigh)
  const smax = signed64(scalar.smaxLow, scalar.smaxHigh)
  const umin = unsigned64(scalar.uminLow, scalar.uminHigh)
  const umax = unsigned64(scalar.umaxLow, scalar.umaxHigh)
  return [
    { name: 'smin', signed: true, value: smin, omit: smin === -(1n << 63n) },
    { name: 'smax', signed: true, value: smax, omit: smax === (1n << 63n) - 1n },
    { name: 'umin', signed: false, value: umin, omit: umin === 0n },
    { name: 'umax', signed: false, value: umax, omit: umax === (1n << 64n) - 1n },
    { name: 'smin32', signed: true, value: signed32(scalar.s32min), omit: scalar.s32min === -2147483648 },
    { name: 'smax32', signed: true, value: signed32(scalar.s32max), omit: scalar.s32max === 2147483647 },
    { name: 'umin32', signed: false, value: BigInt(scalar.u32min >>> 0), omit: scalar.u32min === 0 },
    { name: 'umax32', signed: false, value: BigInt(scalar.u32max >>> 0), omit: scalar.u32max === -1 },
  ]
}

/** `smin=0`, `smax=umax=255`, …: what is worth saying of a scalar's bounds. */
function rangeParts(scalar: Scalar): string[] {
  const bounds = boundsOf(scalar)
  const parts: string[] = []
  bounds.forEach((bound, i) => {
    if (bound.omit) return
    const negative = bound.signed && bound.value < 0n
    let names = `${bound.name}=`
    for (let j = i + 2; j < bounds.length; j += 2) {
      const other = bounds[j]!
      if (other.omit || BigInt.asUintN(64, other.value) !== BigInt.asUintN(64, bound.value)) continue
      if ((other.signed && other.value < 0n) !== negative) continue
      other.omit = true
      names += `${other.name}=`
    }
    parts.push(names + (bound.signed ? signedText(bound.value) : unsignedText(bound.value)))
  })
  return parts
}

function isUnknownTnum(scalar: Scalar): boolean {
  return (scalar.maskLow & scalar.maskHigh) === -1
}

/**
 * `scalar(smin=0,smax=umax=255,var_off=(0x0; 0xff))`; `frameno` is the frame that it is printed for. A scalar whose exact
 * value matters has a `P` before it.
 */
export function regText(reg: Reg, frameno: number, precise = false): string {
  const { type, scalar } = reg
  const mark = precise && type === SCALAR_VALUE ? 'P' : ''
  if (type === SCALAR_VALUE && scalar.isConstant) return mark + signedText(signed64(scalar.valueLow, scalar.valueHigh))
  let text = mark + regTypeName(type)
  const base = baseType(type)
  if (type === PTR_TO_ARENA) return text
  if (type === PTR_TO_STACK) {
    if (reg.aux !== frameno) text += `[${reg.aux}]`
    if (scalar.isConstant) return text + signedText(signed64(scalar.valueLow, scalar.valueHigh) + BigInt(reg.off))
  }
  if (base === PTR_TO_BTF_ID) text += reg.btf.btf.get(reg.btf.id)?.name ?? ''
  return `${text}(${regParts(reg).join(',')})`
}

function regParts(reg: Reg): string[] {
  const { type, scalar } = reg
  const parts: string[] = []
  if (reg.id !== 0) {
    const distance = (reg.id & ADD_CONST) === 0 ? '' : reg.off < 0 ? String(reg.off) : `+${reg.off}`
    parts.push(`id=${reg.id & ~ADD_CONST}${distance}`)
  }
  if (reg.refObjId !== 0) parts.push(`ref_obj_id=${reg.refObjId}`)
  if ((type & NON_OWN_REF) !== 0) parts.push('non_own_ref')
  if (isMapType(type)) {
    if (reg.map.name !== '') parts.push(`map=${reg.map.name}`)
    parts.push(`ks=${reg.map.keySize}`, `vs=${reg.map.valueSize}`)
  }
  if (type !== SCALAR_VALUE && reg.off !== 0) parts.push(`off=${signedText(BigInt(reg.off))}`)
  if (isPacketPointer(type)) parts.push(`r=${unsignedText(BigInt.asUintN(64, BigInt(reg.aux)))}`)
  if (baseType(type) === PTR_TO_MEM) parts.push(`sz=${unsignedText(BigInt(reg.aux >>> 0))}`)
  if (type === CONST_PTR_TO_DYNPTR && reg.target !== undefined && 'dynptr' in reg.target) {
    parts.push(`type=${reg.target.dynptr}`)
  }
  if (scalar.isConstant) {
    if (!scalar.isZero) parts.push(`imm=${signedText(signed64(scalar.valueLow, scalar.valueHigh))}`)
  } else {
    parts.push(...rangeParts(scalar))
    if (!isUnknownTnum(scalar)) parts.push(`var_off=${tnumText(scalar)}`)
  }
  return parts
}

const SLOT_LETTERS = '?rm0dif'

/** Kinds of the bytes of a slot, the highest address first. */
function slotLetters(slot: StackSlot): string {
  let text = ''
  for (let i = 7; i >= 0; i--) text += SLOT_LETTERS[slot.byte(i)] ?? '?'
  return text
}

/** ` fp-8=mmmmmmmm`; empty for a slot that nothing was written to, and for what its neighbour prints. */
function slotText(slot: StackSlot, index: number, frameno: number, precise: boolean): string {
  if (slot.bytes === 0) return ''
  const place = ` fp${-8 * (index + 1)}=`
  const { reg } = slot
  switch (slot.byte(0)) {
    case STACK_SPILL:
      return place + slotLetters(slot).replace(/r.*/, '') + regText(reg, frameno, precise)
    case STACK_DYNPTR: {
      if (reg.target === undefined || !('dynptr' in reg.target) || !reg.target.first) return ''
      const parts: string[] = []
      if (reg.id !== 0) parts.push(`id=${reg.id}`)
      if (reg.refObjId !== 0) parts.push(`ref_id=${reg.refObjId}`)
      return `${place}dynptr_${reg.target.dynptr}(${parts.join(',')})`
    }
    case STACK_ITER: {
      if (reg.refObjId === 0 || reg.target === undefined || !('state' in reg.target)) return ''
      const { type, state, depth } = reg.target
      const name = type.replace(/^bpf_iter_/, '')
      return `${place}iter_${name}(ref_id=${reg.refObjId},state=${state},depth=${depth})`
    }
    default:
      return place + slotLetters(slot)
  }
}

function isSlotPrecise(marks: PrecisionMarks | undefined, index: number): boolean {
  if (marks === undefined) return false
  return ((index < 32 ? marks.stackLow : marks.stackHigh) & (1 << (index & 31))) !== 0
}

/** Which registers and stack slots to print: bits, and a set of slot indices. */
export interface Printed {
  readonly registers: number
  readonly slots: ReadonlySet<number>
}

/**
 * The registers and the stack of a frame, the references of the state: each with a blank before it. `printed` restricts
 * it to what was touched; undefined is everything.
 */
export function frameText(state: State, frame: Frame, printed: Printed | undefined): string {
  let text = frame.frameno === 0 ? '' : ` frame${frame.frameno}:`
  const marks = state.precise?.[frame.frameno]
  frame.regs.forEach((reg, regno) => {
    if (reg.type === NOT_INIT || (printed !== undefined && (printed.registers & (1 << regno)) === 0)) return
    text += ` R${regno}=${regText(reg, frame.frameno, ((marks?.regs ?? 0) & (1 << regno)) !== 0)}`
  })
  frame.stack.forEach((slot, index) => {
    if (slot === undefined || (printed !== undefined && !printed.slots.has(index))) return
    if (slot.bytes !== STACK_INVALID) text += slotText(slot, index, frame.frameno, isSlotPrecise(marks, index))
  })
  const references = state.references.filter((reference) => reference.id !== 0)
  if (references.length > 0 && state.references[0]!.id !== 0) {
    text += ` refs=${references.map((reference) => reference.id).join(',')}`
  }
  if (frame.inCallback) text += ' cb'
  if (frame.inAsyncCallback) text += ' async_cb'
  return text
}
