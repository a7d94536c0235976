/**
 * Alignment of accesses: always asked of the stack, whose slots are tracked whole; of everything else only where the
 * caller, or the instruction (an atomic one), is strict.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import { isAligned } from '../domain/compare.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import {
  PTR_TO_ARENA,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
} from '../types.ts'
import { tnumText } from './text.ts'

/** Bytes by which network drivers shift a packet so that its IP header is aligned: the kernel's NET_IP_ALIGN, where strict. */
const IP_ALIGN = 2

const DESCRIPTIONS: ReadonlyMap<number, string> = new Map([
  [PTR_TO_FLOW_KEYS, 'flow keys '],
  [PTR_TO_MAP_KEY, 'key '],
  [PTR_TO_MAP_VALUE, 'value '],
  [PTR_TO_CTX, 'context '],
  [PTR_TO_STACK, 'stack '],
  [PTR_TO_SOCKET, 'sock '],
  [PTR_TO_SOCK_COMMON, 'sock_common '],
  [PTR_TO_TCP_SOCK, 'tcp_sock '],
  [PTR_TO_XDP_SOCK, 'xdp_sock '],
])

/** `off` bytes behind the pointer `reg` are aligned to `size`, as far as that is asked. */
export function checkAlignment(env: Environment, reg: Reg, off: number, size: number, strictOnce: boolean): void {
  if (size === 1) return
  const { type } = reg
  if (type !== PTR_TO_STACK && !env.strictAlignment && !strictOnce) return
  if (type === PTR_TO_ARENA) return
  const packet = type === PTR_TO_PACKET || type === PTR_TO_PACKET_META
  const extra = packet ? IP_ALIGN : 0
  if (isAligned(reg.scalar, extra + reg.off + off, size)) return
  const what = packet ? `packet access off ${IP_ALIGN}+` : `${DESCRIPTIONS.get(type) ?? ''}access off `
  reject('misaligned', `misaligned ${what}${tnumText(reg.scalar)}+${reg.off}+${off} size ${size}`, { off, size })
}
