/**
 * Loads and stores: what an instruction may touch, by what its pointer points at, and what a load gives. Open this file
 * first: it sends each kind of pointer to the file that knows it.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import { signExtend, truncate } from '../domain/extend.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { type Reg, scalarReg, UNKNOWN_SCALAR } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  MEM_RDONLY,
  maybeNull,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  regTypeName,
  SCALAR_VALUE,
} from '../types.ts'
import { checkAlignment } from './alignment.ts'
import { accessBtf, accessMapPointer } from './btf.ts'
import { checkBuffer } from './buffer.ts'
import { accessContext } from './context.ts'
import { accessMapValue } from './map-value.ts'
import { checkPacketAccess, mayAccessPacket } from './packet.ts'
import { checkRegion } from './region.ts'
import { isPointerValue, markUnknown } from './registers.ts'
import { checkFlowKeys, checkSocketField } from './socket-fields.ts'
import { checkStackBounds } from './stack.ts'
import { readStack } from './stack-read.ts'
import { writeStack } from './stack-write.ts'

/**
 * An access of `size` bytes at R`regno` + `off`. A read goes to R`valueRegno`, a write comes from it; -1: a read whose
 * value nobody gets, a write of what is not known. `strictOnce`: must be aligned, whatever the options say. `signed`: a
 * load that extends the sign. Moves the current state; throws a `Rejection`.
 */
export function checkMemoryAccess(
  env: Environment,
  _insn: number,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
  valueRegno: number,
  strictOnce: boolean,
  signed: boolean,
): void {
  const reg = env.cur.reg(regno)
  checkAlignment(env, reg, off, size, strictOnce)
  accessPointer(env, reg, regno, off + reg.off, size, access, valueRegno, signed)
  if (access === 'read' && valueRegno >= 0 && size < 8) narrow(env, valueRegno, size, signed)
}

/** `off` includes the pointer's fixed offset. */
function accessPointer(
  env: Environment,
  reg: Reg,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
  valueRegno: number,
  signed: boolean,
): void {
  const { type } = reg
  switch (type) {
    case PTR_TO_STACK:
      checkStackBounds(env, regno, off, size, access)
      if (access === 'read') readStack(env, regno, off, size, valueRegno)
      else writeStack(env, regno, off, size, valueRegno)
      return
    case PTR_TO_MAP_VALUE:
      accessMapValue(env, regno, off, size, access, valueRegno, signed)
      return
    case PTR_TO_CTX:
      if (access === 'write') checkNoLeak(env, valueRegno, 'ctx')
      accessContext(env, regno, off, size, access, valueRegno, signed)
      return
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      if (access === 'write') {
        if (!mayAccessPacket(env, true)) reject('read_only', 'cannot write into packet', { regno })
        checkNoLeak(env, valueRegno, 'packet')
      }
      checkPacketAccess(env, regno, off, size, false)
      break
    case PTR_TO_MAP_KEY:
      if (access === 'write') reject('read_only', `write to change key R${regno} not allowed`, { regno })
      checkRegion(reg, regno, off, size, reg.map.keySize, false)
      break
    case PTR_TO_FLOW_KEYS:
      if (access === 'write') checkNoLeak(env, valueRegno, 'flow keys')
      checkFlowKeys(off, size)
      break
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      if (access === 'write') rejectReadOnly(reg, regno)
      checkSocketField(env, regno, off, size)
      break
    case PTR_TO_TP_BUFFER:
      checkBuffer(reg, regno, 'tracepoint', off, size)
      break
    case CONST_PTR_TO_MAP:
      accessMapPointer(env, regno, off, size, access, valueRegno)
      return
    case PTR_TO_ARENA:
      break
    default:
      if (accessByBase(env, reg, regno, off, size, access, valueRegno)) return
  }
  if (access === 'read' && valueRegno >= 0) markUnknown(env, valueRegno)
}

/** Pointers that come with flags. Gives whether the result is in place already. */
function accessByBase(
  env: Environment,
  reg: Reg,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
  valueRegno: number,
): boolean {
  const base = baseType(reg.type)
  const readOnly = (reg.type & MEM_RDONLY) !== 0
  if (base === PTR_TO_MEM) {
    if (maybeNull(reg.type)) rejectType(reg, regno)
    if (access === 'write') {
      if (readOnly) rejectReadOnly(reg, regno)
      checkNoLeak(env, valueRegno, 'mem')
    }
    // Loads from untrusted memory survive any address: a fault gives zero.
    if (!readOnly || (reg.type & PTR_UNTRUSTED) === 0) checkRegion(reg, regno, off, size, reg.aux, false)
    return false
  }
  if (base === PTR_TO_BTF_ID && !maybeNull(reg.type)) {
    accessBtf(env, regno, off, size, access, valueRegno)
    return true
  }
  if (base === PTR_TO_BUF && !maybeNull(reg.type)) {
    if (access === 'write' && readOnly) rejectReadOnly(reg, regno)
    checkBuffer(reg, regno, readOnly ? 'rdonly' : 'rdwr', off, size)
    return false
  }
  return rejectType(reg, regno)
}

/** No pointer gets out by a store, where the author is not trusted with pointers. */
function checkNoLeak(env: Environment, valueRegno: number, where: string): void {
  if (valueRegno < 0 || !isPointerValue(env, env.cur.reg(valueRegno))) return
  reject('pointer_leak', `R${valueRegno} leaks addr into ${where}`, { regno: valueRegno })
}

function rejectReadOnly(reg: Reg, regno: number): never {
  return reject('read_only', `R${regno} cannot write into ${regTypeName(reg.type)}`, { regno })
}

function rejectType(reg: Reg, regno: number): never {
  const code = maybeNull(reg.type) ? 'possibly_null' : 'wrong_type'
  return reject(code, `R${regno} invalid mem access '${regTypeName(reg.type)}'`, { regno })
}

/** Unknown numbers of each size, by size and sign: most loads give one. */
const NARROW: (Reg | undefined)[] = []

/** What a load of less than eight bytes leaves in its register. */
function narrow(env: Environment, regno: number, size: number, signed: boolean): void {
  const reg = env.cur.reg(regno)
  if (reg.type !== SCALAR_VALUE) return
  if (reg === UNKNOWN_SCALAR) {
    const index = signed ? size + 4 : size
    let unknown = NARROW[index]
    if (unknown === undefined) {
      unknown = scalarReg(signed ? signExtend(reg.scalar, bitsOf(size), 64) : truncate(reg.scalar, widthIn(size)))
      NARROW[index] = unknown
    }
    env.cur.setReg(regno, unknown)
    return
  }
  const scalar = signed ? signExtend(reg.scalar, bitsOf(size), 64) : truncate(reg.scalar, widthIn(size))
  if (scalar === reg.scalar) return
  // What was filled with its sign is no copy of what was spilled. (Linux 6.18 takes it for one, which is unsound.)
  const copied = !signed || (reg.scalar.umaxHigh === 0 && reg.scalar.umaxLow >>> 0 < 2 ** (bitsOf(size) - 1))
  env.cur.setReg(regno, copied ? reg.withScalar(scalar) : scalarReg(scalar))
}

function bitsOf(size: number): 8 | 16 | 32 {
  return size === 1 ? 8 : size === 2 ? 16 : 32
}

function widthIn(size: number): 1 | 2 | 4 {
  return size === 1 ? 1 : size === 2 ? 2 : 4
}
