/**
 * Fields of kernel objects that programs of some types may write; all others are read-only.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_STRUCT_OPS/
 * @module
 */
import { typeName } from '../calls/btf-match.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { BtfTypeRef } from '../state.ts'

interface Writable {
  /** The structure whose members the paths name, as messages name it too. */
  readonly structure: string
  /** Dotted paths; one that ends in `[]` may be written anywhere in it, another only from its beginning. */
  readonly paths: readonly string[]
}

/** What congestion control may set of a TCP socket. */
const TCP_SOCK: Writable = {
  structure: 'tcp_sock',
  paths: [
    'inet_conn.icsk_inet.sk.sk_pacing_rate',
    'inet_conn.icsk_inet.sk.sk_pacing_status',
    'inet_conn.icsk_ca_priv[]',
    'inet_conn.icsk_ack.pending',
    'snd_cwnd',
    'snd_cwnd_cnt',
    'snd_cwnd_stamp',
    'snd_ssthresh',
    'ecn_flags',
    'app_limited',
  ],
}

/** What packet programs may set of a connection. */
const CONNECTION: Writable = { structure: 'nf_conn', paths: ['mark'] }

function writableOf(env: Environment, type: string): Writable | undefined {
  switch (env.program.type) {
    case 'struct_ops':
      return type === 'tcp_sock' && env.program.attachTo?.startsWith('tcp_congestion_ops') === true
        ? TCP_SOCK
        : undefined
    case 'xdp':
    case 'sched_cls':
    case 'sched_act':
      // One that is being made has the same layout.
      return type === 'nf_conn' || type === 'nf_conn___init' ? CONNECTION : undefined
    default:
      return undefined
  }
}

/** A write of `size` bytes at `off` of a kernel object. */
export function checkKernelWrite(env: Environment, ref: BtfTypeRef, off: number, size: number): void {
  const type = typeName(ref)
  const writable = writableOf(env, type)
  const facts = { off, size, type }
  if (writable === undefined) reject('read_only', 'only read is supported', facts)
  const { structure, paths } = writable
  const { btf } = ref
  const owner = btf.find(structure, 'struct')?.id ?? ref.id
  for (const path of paths) {
    const anywhere = path.endsWith('[]')
    const found = btf.member(owner, anywhere ? path.slice(0, -2) : path)
    if (found === undefined) continue
    const start = found.bitOffset / 8
    const end = start + btf.sizeOf(found.member.type)
    if (anywhere ? off < start || off >= end : off !== start) continue
    if (off + size <= end) return
    const message = `write access at off ${off} with size ${size} beyond the member of ${structure} ended at ${end}`
    reject('out_of_bounds', message, facts)
  }
  reject('read_only', `no write support to ${structure} at off ${off}`, facts)
}
