/**
 * Sockets and flow keys: small kernel structures of which programs see chosen fields.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_sk_fullsock/
 * @module
 */
import { BPF_FLOW_KEYS } from '../../spec/contexts/flow-keys.ts'
import { maySocketLoad, type SocketKind } from '../../spec/rules/objects.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK, regTypeName } from '../types.ts'
import { rejectNegativeMinimum } from './region.ts'

const KINDS: ReadonlyMap<number, SocketKind> = new Map([
  [PTR_TO_SOCKET, 'socket'],
  [PTR_TO_SOCK_COMMON, 'sock_common'],
  [PTR_TO_TCP_SOCK, 'tcp_sock'],
  [PTR_TO_XDP_SOCK, 'xdp_sock'],
])

/** A load of `size` bytes at `off` (with the pointer's fixed offset) of a socket. */
export function checkSocketField(env: Environment, regno: number, off: number, size: number): void {
  const reg = env.cur.reg(regno)
  if (reg.scalar.sminHigh < 0) rejectNegativeMinimum(regno, off)
  const kind = KINDS.get(reg.type)
  if (kind !== undefined && maySocketLoad(kind, off, size)) return
  reject('out_of_bounds', `R${regno} invalid ${regTypeName(reg.type)} access off=${off} size=${size}`, {
    regno,
    off,
    size,
  })
}

/** Any bytes of `struct bpf_flow_keys`. */
export function checkFlowKeys(off: number, size: number): void {
  if (size >= 0 && off >= 0 && off + size <= BPF_FLOW_KEYS.size) return
  reject('out_of_bounds', `invalid access to flow keys off=${off} size=${size}`, {
    off,
    size,
    memSize: BPF_FLOW_KEYS.size,
  })
}
