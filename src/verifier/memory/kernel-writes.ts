/**
 * Fields of kernel objects that programs of some types may write; all others are read-only.
 * @see https://docs.kernel.org/bpf/bpf_design_QA.html
 * @module
 */
import { typeName } from '../calls/btf-match.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { BtfTypeRef } from '../state.ts'

/** By the structure of operations that a struct_ops program implements: which structure it may write, and where. */
const CONGESTION_CONTROL: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'tcp_sock',
    [
      'inet_conn.icsk_inet.sk.sk_pacing_rate',
      'inet_conn.icsk_inet.sk.sk_pacing_status',
      'inet_conn.icsk_ca_priv',
      'inet_conn.icsk_ack.pending',
      'snd_cwnd',
      'snd_cwnd_cnt',
      'snd_cwnd_stamp',
      'snd_ssthresh',
      'ecn_flags',
      'app_limited',
    ],
  ],
])

/** A write of `size` bytes at `off` of a kernel object. */
export function checkKernelWrite(env: Environment, ref: BtfTypeRef, off: number, size: number): void {
  const type = typeName(ref)
  const facts = { off, size, type }
  const fields =
    env.program.type === 'struct_ops' && env.program.attachTo?.startsWith('tcp_congestion_ops') === true
      ? CONGESTION_CONTROL.get(type)
      : undefined
  if (fields === undefined) reject('read_only', 'only read is supported', facts)
  for (const path of fields) {
    const found = ref.btf.member(ref.id, path)
    if (found === undefined) continue
    const start = found.bitOffset / 8
    const end = start + ref.btf.sizeOf(found.member.type)
    // Private data may be written anywhere, a field only from its beginning.
    if (path.endsWith('_priv') ? off < start || off >= end : off !== start) continue
    if (off + size <= end) return
    reject(
      'out_of_bounds',
      `write access at off ${off} with size ${size} beyond the member of tcp_sock ended at ${end}`,
      facts,
    )
  }
  reject('read_only', `no write support to tcp_sock at off ${off}`, facts)
}
