/**
 * Memory that is handed to a helper: all that it may touch, or with a variable size the most that it may touch, has to
 * be there.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { CallContext } from '../calls/context.ts'
import type { Environment } from '../environment.ts'
import { markPrecise } from '../explore/precision.ts'
import { reject } from '../rejection.ts'
import { isNullConstant, type Reg } from '../state.ts'
import {
  baseType,
  MEM_RDONLY,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  regTypeName,
} from '../types.ts'
import { checkMemoryAccess } from './access.ts'
import { accessBtf } from './btf.ts'
import { checkBuffer } from './buffer.ts'
import { hasPlainContext } from './context.ts'
import { checkStackRange } from './helper-stack.ts'
import { checkMapPermission, checkMapValue } from './map-value.ts'
import { checkPacketAccess } from './packet.ts'
import { checkRegion } from './region.ts'
import { unsigned64 } from './text.ts'

/** No helper takes more at once. */
const MAX_VARIABLE_SIZE = 1 << 29

/** A helper may read, or write, `size` bytes at R`regno`. */
export function checkHelperMemory(
  env: Environment,
  regno: number,
  size: number,
  access: 'read' | 'write',
  zeroAllowed: boolean,
  call: CallContext | undefined,
): void {
  const reg = env.cur.reg(regno)
  const { off } = reg
  switch (baseType(reg.type)) {
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      checkPacketAccess(env, regno, off, size, zeroAllowed)
      return
    case PTR_TO_MAP_KEY:
      checkWritable(reg, regno, access, true)
      checkRegion(reg, regno, off, size, reg.map.keySize, false)
      return
    case PTR_TO_MAP_VALUE:
      checkMapPermission(reg, regno, off, size, access)
      checkMapValue(reg, regno, off, size, zeroAllowed, 'helper')
      return
    case PTR_TO_MEM:
      checkWritable(reg, regno, access, (reg.type & MEM_RDONLY) !== 0)
      checkRegion(reg, regno, off, size, reg.aux, zeroAllowed)
      return
    case PTR_TO_BUF: {
      const readOnly = (reg.type & MEM_RDONLY) !== 0
      checkWritable(reg, regno, access, readOnly)
      checkBuffer(reg, regno, readOnly ? 'rdonly' : 'rdwr', off, size)
      return
    }
    case PTR_TO_STACK:
      checkStackRange(env, regno, off, size, zeroAllowed, access, call)
      return
    case PTR_TO_BTF_ID:
      accessBtf(env, regno, off, size, 'read', -1)
      return
    case PTR_TO_CTX:
      if (hasPlainContext(env)) {
        checkContextBytes(env, regno, size, access, zeroAllowed)
        return
      }
  }
  if (zeroAllowed && size === 0 && isNullConstant(reg)) return
  reject('argument_type', `R${regno} type=${regTypeName(reg.type)} expected=${regTypeName(PTR_TO_STACK)}`, {
    regno,
    expected: 'memory',
  })
}

function checkWritable(reg: Reg, regno: number, access: 'read' | 'write', readOnly: boolean): void {
  if (access === 'read' || !readOnly) return
  reject('read_only', `R${regno} cannot write into ${regTypeName(reg.type)}`, { regno })
}

/** The last byte of the context that is handed over may be accessed; the type says nothing of what lies before. */
function checkContextBytes(
  env: Environment,
  regno: number,
  size: number,
  access: 'read' | 'write',
  zeroAllowed: boolean,
): void {
  if (size > 0) checkMemoryAccess(env, env.insn, regno, size - 1, 1, access, -1, false, false)
  // Linux refuses this without a word.
  else if (!zeroAllowed) reject('argument_size', `R${regno} invalid zero-sized read of ctx`, { regno })
}

/** R`regno` is the size of the memory at the register before it. */
export function checkMemorySize(
  env: Environment,
  regno: number,
  access: 'read' | 'write',
  zeroAllowed: boolean,
  call: CallContext | undefined,
): void {
  const { scalar } = env.cur.reg(regno)
  if (call !== undefined) call.maxMemSize = scalar.umaxLow
  if (scalar.sminHigh < 0) {
    reject('negative_offset', `R${regno} min value is negative, either use unsigned or 'var &= const'`, { regno })
  }
  if ((scalar.uminLow | scalar.uminHigh) === 0 && !zeroAllowed) {
    const max = unsigned64(scalar.umaxLow, scalar.umaxHigh)
    reject('argument_size', `R${regno} invalid zero-sized read: u64=[0,${BigInt.asIntN(64, max)}]`, { regno })
  }
  const max = scalar.umax
  if (max >= MAX_VARIABLE_SIZE) {
    const message = `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`
    reject('unbounded', message, { regno })
  }
  // A helper that may fill only a part must not be given what is not initialised.
  checkHelperMemory(env, regno - 1, max, access, zeroAllowed, scalar.isConstant ? call : undefined)
  markPrecise(env, regno)
}
