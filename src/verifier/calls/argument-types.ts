/**
 * Which registers will do for which argument: for each kind of argument the types that it takes, in the order in which
 * messages list them.
 * @module
 */
import type { ArgKind, ArgSpec } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  DYNPTR_FLAGS,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  maybeNull,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  type RegType,
  regTypeName,
  SCALAR_VALUE,
} from '../types.ts'
import { kernelType, structIdsMatch, typeName } from './btf-match.ts'
import type { CallContext } from './context.ts'
import { checkKptrMatch } from './kptr.ts'
import { checkPointerOffset } from './pointers.ts'

const MEMORY: readonly RegType[] = [
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BTF_ID | PTR_TRUSTED,
]
const SCALARS: readonly RegType[] = [SCALAR_VALUE]
const SOCKETS: readonly RegType[] = [PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK]
const BTF_POINTERS: readonly RegType[] = [PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED, PTR_TO_BTF_ID | MEM_RCU]

const ACCEPTED: Readonly<Record<Exclude<ArgKind, 'anything'>, readonly RegType[]>> = {
  map_key: MEMORY,
  map_value: MEMORY,
  mem: MEMORY,
  const_size: SCALARS,
  const_size_or_zero: SCALARS,
  const_alloc_size_or_zero: SCALARS,
  const_map_ptr: [CONST_PTR_TO_MAP],
  ctx: [PTR_TO_CTX],
  sock_common: SOCKETS,
  btf_sock_common: [...SOCKETS, PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED],
  socket: [PTR_TO_SOCKET],
  btf: BTF_POINTERS,
  spin_lock: [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC],
  ringbuf_mem: [PTR_TO_MEM | MEM_RINGBUF],
  percpu_btf: [
    PTR_TO_BTF_ID | MEM_PERCPU,
    PTR_TO_BTF_ID | MEM_PERCPU | MEM_RCU,
    PTR_TO_BTF_ID | MEM_PERCPU | PTR_TRUSTED,
  ],
  func: [PTR_TO_FUNC],
  stack: [PTR_TO_STACK],
  const_str: [PTR_TO_MAP_VALUE],
  timer: [PTR_TO_MAP_VALUE],
  kptr: [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC],
  dynptr: [PTR_TO_STACK, CONST_PTR_TO_DYNPTR],
}

/** Types of sockets that `btf_sock_common` takes by their BTF. */
const SOCK_COMMON = 'sock_common'

/** Memory that is only read: what may not be written will do. */
function onlyReads(arg: ArgSpec): boolean {
  return arg.kind === 'mem' && arg.access === 'read'
}

/** The register's type, less what the argument does not mind. */
function folded(reg: Reg, regno: number, arg: ArgSpec, call: CallContext): RegType {
  let { type } = reg
  if (onlyReads(arg)) type &= ~MEM_RDONLY
  if (arg.nullable) type &= ~PTR_MAYBE_NULL
  if (arg.kind === 'mem') type &= ~DYNPTR_FLAGS
  if (call.helper?.name === 'kptr_xchg' && regno === 2 && type & MEM_ALLOC) type &= ~(MEM_ALLOC | MEM_PERCPU)
  return type
}

function checkBtfPointer(env: Environment, reg: Reg, regno: number, arg: ArgSpec, call: CallContext): void {
  const name = call.helper?.name
  if (reg.type & MEM_PERCPU && !(reg.type & MEM_ALLOC)) return
  if (reg.type & MEM_ALLOC) {
    if (name === 'kptr_xchg' && regno === 2) checkKptrMatch(env, call.kptrField!, reg, regno)
    return
  }
  if (maybeNull(reg.type) && (!arg.nullable || arg.release)) {
    reject('argument_null', `Possibly NULL pointer passed to helper arg${regno}`, { regno })
  }
  if (name === 'kptr_xchg') {
    checkKptrMatch(env, call.kptrField!, reg, regno)
    return
  }
  const expected = kernelType(env, arg.btfType ?? SOCK_COMMON)
  checkPointerOffset(env, reg, regno, true)
  const strict = arg.release === true && name !== 'sk_release'
  if (structIdsMatch(reg.btf, reg.off, expected, strict)) return
  reject('argument_type', `R${regno} is of type ${typeName(reg.btf)} but ${typeName(expected)} is expected`, { regno })
}

/** The register's type is one of those that the argument takes. */
export function checkArgumentType(env: Environment, reg: Reg, regno: number, arg: ArgSpec, call: CallContext): void {
  if (arg.kind === 'anything') return
  const accepted = ACCEPTED[arg.kind]
  if (!accepted.includes(folded(reg, regno, arg, call))) {
    const expected = accepted.map(regTypeName)
    const code =
      maybeNull(reg.type) && accepted.includes(reg.type & ~PTR_MAYBE_NULL) ? 'argument_null' : 'argument_type'
    const message = `R${regno} type=${regTypeName(reg.type)} expected=${expected.join(', ')}`
    reject(code, message, { regno, expected })
  }
  if (baseType(reg.type) !== PTR_TO_BTF_ID) return
  if (accepted === MEMORY) {
    if (onlyReads(arg)) return
    const message = `bpf_${call.helper?.name}() may write into memory pointed by R${regno} type=${regTypeName(reg.type)}`
    reject('argument_type', message, { regno })
  }
  checkBtfPointer(env, reg, regno, arg, call)
}
