/**
 * What Linux's messages call the special fields of map values and allocated objects.
 * @see https://docs.kernel.org/bpf/graph_ds_impl.html
 * @module
 */
import type { SpecialFieldKind } from '../calls/record.ts'

const NAMES: Readonly<Record<SpecialFieldKind, string>> = {
  spin_lock: 'bpf_spin_lock',
  res_spin_lock: 'bpf_res_spin_lock',
  timer: 'bpf_timer',
  wq: 'bpf_wq',
  task_work: 'bpf_task_work',
  kptr_unref: 'kptr',
  kptr_ref: 'kptr',
  kptr_percpu: 'percpu_kptr',
  uptr: 'uptr',
  list_head: 'bpf_list_head',
  list_node: 'bpf_list_node',
  rb_root: 'bpf_rb_root',
  rb_node: 'bpf_rb_node',
  refcount: 'bpf_refcount',
}

export function fieldName(kind: SpecialFieldKind): string {
  return NAMES[kind]
}
