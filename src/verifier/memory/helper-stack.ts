/**
 * Stack that is handed to a helper: every byte that it may read was written before; what it may write is not known
 * afterwards.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { CallContext } from '../calls/context.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { type Reg, StackSlot, UNINITIALISED } from '../state.ts'
import { SCALAR_VALUE, STACK_DYNPTR, STACK_MISC } from '../types.ts'
import { checkStackBounds, frameOf, isReadable, markSlotRead, placeOf, scrubbed, slotOf, withKind } from './stack.ts'
import { tnumText } from './text.ts'

/**
 * `size` bytes at `off` (with the pointer's fixed offset) plus the pointer's variable offset may be read, or be
 * overwritten. In raw mode they need not be initialised: then the call's `rawRegno` and `rawSize` say what the helper
 * will have written.
 */
export function checkStackRange(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
  access: 'read' | 'write',
  call: CallContext | undefined,
): void {
  if (size === 0 && !zeroAllowed) reject('argument_size', 'invalid zero-sized read', { regno })
  checkStackBounds(env, regno, off, size, access)
  const reg = env.cur.reg(regno)
  const { scalar } = reg
  const fixed = scalar.isConstant
  const min = (fixed ? scalar.constant : scalar.smin) + off
  const end = (fixed ? scalar.constant : scalar.smax) + off + size
  if (!fixed && !env.permissions.bypassSpectreV1) {
    reject(
      'variable_offset',
      `R${regno} variable offset stack access prohibited for !root, var_off=${tnumText(scalar)}`,
      { regno },
    )
  }
  // With a variable offset, what the helper initialises would not be known: then all has to be initialised.
  if (fixed && call?.rawMode === true) {
    checkNoDynptr(env, reg, min, end)
    call.rawSize = size
    call.rawRegno = regno
    return
  }
  for (let at = min; at < end; at++) checkByte(env, reg, regno, at, min, size, access === 'write')
}

/** A helper that fills the range would write over a dynptr that it may be given as well. */
function checkNoDynptr(env: Environment, reg: Reg, min: number, end: number): void {
  const { stack } = frameOf(env, reg)
  for (let at = min; at < end; at++) {
    if (stack[slotOf(at)]?.byte(placeOf(at)) !== STACK_DYNPTR) continue
    reject('dynptr', `potential write to dynptr at off=${at} disallowed`, { off: at })
  }
}

function checkByte(
  env: Environment,
  reg: Reg,
  regno: number,
  at: number,
  min: number,
  size: number,
  clobber: boolean,
): void {
  const spi = slotOf(at)
  const slot = frameOf(env, reg).stack[spi]!
  const kind = slot.byte(placeOf(at))
  if (isReadable(env, kind)) {
    if (clobber && kind !== STACK_MISC) {
      env.cur.writable(reg.aux).stack[spi] = new StackSlot(withKind(slot.bytes, placeOf(at), 1, STACK_MISC), slot.reg)
    }
  } else if (slot.isSpill && (slot.reg.type === SCALAR_VALUE || env.permissions.allowPointerLeaks)) {
    if (clobber) env.cur.writable(reg.aux).stack[spi] = new StackSlot(scrubbed(slot.bytes), UNINITIALISED)
  } else {
    const where = reg.scalar.isConstant ? `off ${min}` : `var_off ${tnumText(reg.scalar)}`
    reject('uninitialised_stack', `invalid read from stack R${regno} ${where}+${at - min} size ${size}`, {
      regno,
      off: at,
      size,
    })
  }
  markSlotRead(env, reg.aux, spi)
}
