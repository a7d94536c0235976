/**
 * The program's context: which of its fields may be read and written is said by the program type's rules, or for typed
 * contexts by the prototype of what the program attaches to.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { ContextAccess } from '../../spec/index.ts'
import { kernelType } from '../calls/btf-match.ts'
import { checkPointerOffset } from '../calls/pointers.ts'
import { truncate } from '../domain/extend.ts'
import { UNKNOWN } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { pointerReg, type Reg, scalarReg, UNKNOWN_SCALAR } from '../state.ts'
import {
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_FLOW_KEYS,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TP_BUFFER,
  PTR_TRUSTED,
  type RegType,
  SCALAR_VALUE,
} from '../types.ts'
import { typedArgument } from './typed-context.ts'

/** A load or store of `size` bytes at `off` (with the pointer's fixed offset) of the context. */
export function accessContext(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
  valueRegno: number,
  signed: boolean,
): void {
  const reg = env.cur.reg(regno)
  if (reg.off !== 0 || !reg.scalar.isZero) checkPointerOffset(env, reg, regno, false)
  const value = contextValue(env, regno, off, size, access === 'write')
  // Extending the sign of a pointer would spoil it.
  if (signed && value.type !== SCALAR_VALUE) {
    reject('context_access', `invalid bpf_context access off=${off} size=${size}`, { regno, off, size })
  }
  if (access === 'read' && valueRegno >= 0) env.cur.setReg(valueRegno, value)
}

/** What the access gives, if it is allowed. */
function contextValue(env: Environment, regno: number, off: number, size: number, write: boolean): Reg {
  const { rules } = env
  if (rules.typedContext === true) {
    const argument = write ? [] : typedArgument(env, off, size)
    if (!Array.isArray(argument)) return argument as Reg
    return refuse(regno, off, size, write, argument)
  }
  const found = off < 0 ? undefined : rules.contextAccess(off, size, write, env.program.attachType)
  return found === undefined ? refuse(regno, off, size, write, []) : loadedValue(env, found)
}

function refuse(regno: number, off: number, size: number, write: boolean, lines: readonly string[]): never {
  const message = `invalid bpf_context access off=${off} size=${size}`
  return reject('context_access', [...lines, message], { regno, off, size, write })
}

/** A register that was loaded from the context. */
function loadedValue(env: Environment, access: ContextAccess): Reg {
  switch (access.value) {
    case 'scalar':
      return access.bits === 8 || access.bits === 16 || access.bits === 32
        ? scalarReg(truncate(UNKNOWN, access.bits === 8 ? 1 : access.bits === 16 ? 2 : 4))
        : UNKNOWN_SCALAR
    case 'packet':
      return pointerReg(PTR_TO_PACKET)
    case 'packet_meta':
      return pointerReg(PTR_TO_PACKET_META)
    case 'packet_end':
      return pointerReg(PTR_TO_PACKET_END)
    case 'sock_common_or_null':
      return nullable(env, PTR_TO_SOCK_COMMON)
    case 'socket':
      return pointerReg(PTR_TO_SOCKET)
    case 'socket_or_null':
      return nullable(env, PTR_TO_SOCKET)
    case 'flow_keys':
      return pointerReg(PTR_TO_FLOW_KEYS)
    case 'rdonly_buf':
      return pointerReg(PTR_TO_BUF | MEM_RDONLY)
    case 'rdwr_buf':
      return pointerReg(PTR_TO_BUF)
    case 'tp_buffer':
      return pointerReg(PTR_TO_TP_BUFFER)
    case 'btf':
    case 'btf_or_null': {
      const trust = access.trusted === true ? PTR_TRUSTED : 0
      const type = PTR_TO_BTF_ID | trust | (access.value === 'btf' ? 0 : PTR_MAYBE_NULL)
      const reg = pointerReg(type, 0, kernelType(env, access.btfType ?? ''))
      return access.value === 'btf' ? reg : reg.withId(env.newId())
    }
  }
}

function nullable(env: Environment, type: RegType): Reg {
  return pointerReg(type | PTR_MAYBE_NULL).withId(env.newId())
}

/**
 * Program types whose context is what it seems to be: the kernel does not rewrite accesses to it, and so a helper may
 * be given it as memory.
 */
const PLAIN_CONTEXTS: ReadonlySet<string> = new Set([
  'kprobe',
  'tracepoint',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'tracing',
  'lsm',
  'struct_ops',
  'syscall',
  'netfilter',
  'lirc_mode2',
  'cgroup_device',
  'raw',
])

export function hasPlainContext(env: Environment): boolean {
  return PLAIN_CONTEXTS.has(env.programType.name)
}
