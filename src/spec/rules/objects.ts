/**
 * What a load through a pointer to a socket may read. Nothing may be stored through one.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_sk_fullsock/
 * @module
 */
import { BPF_SOCK, BPF_SOCK_ACCESS, BPF_TCP_SOCK, BPF_XDP_SOCK } from '../contexts/sock.ts'
import type { ContextLayout } from '../types.ts'
import { type ContextView, parseAccessTable } from './context-access.ts'

export type SocketKind = 'socket' | 'sock_common' | 'tcp_sock' | 'xdp_sock'

const WHOLE_FIELDS = `
field  load   store  gives  any
*      whole  -      -      r
`

const views = new Map<SocketKind, ContextView>()

function viewOf(kind: SocketKind): ContextView {
  let view = views.get(kind)
  if (view === undefined) {
    view =
      kind === 'socket' || kind === 'sock_common'
        ? parseAccessTable(BPF_SOCK, BPF_SOCK_ACCESS).get(kind)!
        : parseAccessTable(kind === 'tcp_sock' ? BPF_TCP_SOCK : BPF_XDP_SOCK, WHOLE_FIELDS).get('any')!
    views.set(kind, view)
  }
  return view
}

/** Whether `size` bytes at `offset` of such a socket may be read: they hold a scalar. */
export function maySocketLoad(kind: SocketKind, offset: number, size: number): boolean {
  return viewOf(kind).access(offset, size, false) !== undefined
}

/** The C structure through which such a socket is read. */
export function socketLayout(kind: SocketKind): ContextLayout {
  return viewOf(kind).layout
}
