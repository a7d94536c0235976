/**
 * Which maps go with which helpers. Both sides have a say: a `prog_array` is for `tail_call` alone, and `tail_call` takes
 * nothing but a `prog_array`.
 * @see https://docs.ebpf.io/linux/map-type/
 * @module
 */
import type { HelperSpec } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import type { VerifierMap } from '../program.ts'
import { reject } from '../rejection.ts'

/** `percpu_hash`; empty for a number that the platform does not have. */
export function mapTypeName(env: Environment, map: VerifierMap): string {
  return env.platform.mapTypes.get(map.type)?.name ?? ''
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
const table = (rows: Readonly<Record<string, string>>): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(Object.entries(rows).map(([name, text]) => [name, words(text)]))

const RINGBUF_HELPERS =
  'ringbuf_output ringbuf_reserve ringbuf_query ringbuf_reserve_dynptr ringbuf_submit_dynptr ringbuf_discard_dynptr'
const PERF_HELPERS = 'perf_event_read perf_event_output skb_output perf_event_read_value xdp_output'

/** The helpers that a map type is restricted to. Types that are not here go with all helpers that take any map. */
const HELPERS_OF_TYPE = table({
  prog_array: 'tail_call',
  perf_event_array: PERF_HELPERS,
  ringbuf: RINGBUF_HELPERS,
  user_ringbuf: 'user_ringbuf_drain',
  stack_trace: 'get_stackid',
  cgroup_array: 'skb_under_cgroup current_task_under_cgroup',
  cgroup_storage: 'get_local_storage',
  percpu_cgroup_storage: 'get_local_storage',
  devmap: 'redirect_map map_lookup_elem',
  devmap_hash: 'redirect_map map_lookup_elem',
  cpumap: 'redirect_map',
  xskmap: 'redirect_map map_lookup_elem',
  array_of_maps: 'map_lookup_elem',
  hash_of_maps: 'map_lookup_elem',
  sockmap: 'sk_redirect_map sock_map_update msg_redirect_map sk_select_reuseport map_lookup_elem',
  sockhash: 'sk_redirect_hash sock_hash_update msg_redirect_hash sk_select_reuseport map_lookup_elem',
  reuseport_sockarray: 'sk_select_reuseport',
  queue: 'map_peek_elem map_pop_elem map_push_elem',
  stack: 'map_peek_elem map_pop_elem map_push_elem',
  sk_storage: 'sk_storage_get sk_storage_delete kptr_xchg',
  inode_storage: 'inode_storage_get inode_storage_delete kptr_xchg',
  task_storage: 'task_storage_get task_storage_delete kptr_xchg',
  cgrp_storage: 'cgrp_storage_get cgrp_storage_delete kptr_xchg',
  bloom_filter: 'map_peek_elem map_push_elem',
  insn_array: '-',
})

const QUEUES = 'queue stack bloom_filter'

/** The map types that a helper is restricted to. */
const TYPES_OF_HELPER = table({
  tail_call: 'prog_array',
  ...Object.fromEntries(PERF_HELPERS.split(' ').map((name) => [name, 'perf_event_array'])),
  ...Object.fromEntries(RINGBUF_HELPERS.split(' ').map((name) => [name, 'ringbuf'])),
  user_ringbuf_drain: 'user_ringbuf',
  get_stackid: 'stack_trace',
  current_task_under_cgroup: 'cgroup_array',
  skb_under_cgroup: 'cgroup_array',
  redirect_map: 'devmap devmap_hash cpumap xskmap',
  sk_redirect_map: 'sockmap',
  msg_redirect_map: 'sockmap',
  sock_map_update: 'sockmap',
  sk_redirect_hash: 'sockhash',
  msg_redirect_hash: 'sockhash',
  sock_hash_update: 'sockhash',
  get_local_storage: 'cgroup_storage percpu_cgroup_storage',
  sk_select_reuseport: 'reuseport_sockarray sockmap sockhash',
  map_pop_elem: 'queue stack',
  map_peek_elem: QUEUES,
  map_push_elem: QUEUES,
  map_lookup_percpu_elem: 'percpu_array percpu_hash lru_percpu_hash',
  sk_storage_get: 'sk_storage',
  sk_storage_delete: 'sk_storage',
  inode_storage_get: 'inode_storage',
  inode_storage_delete: 'inode_storage',
  task_storage_get: 'task_storage',
  task_storage_delete: 'task_storage',
  cgrp_storage_get: 'cgrp_storage',
  cgrp_storage_delete: 'cgrp_storage',
})

/** Program types in which no socket can be locked, so that socket maps may be changed. */
const SOCKET_MAP_WRITERS = words('socket_filter sched_cls sched_act xdp sk_reuseport flow_dissector sk_lookup')

/** Undefined if the program may; else the lines that say why not. */
function socketMapRefusal(env: Environment, helper: string): readonly string[] | undefined {
  if (helper !== 'map_update_elem' && helper !== 'map_delete_elem') return []
  const { type, attachType } = env.program
  if (SOCKET_MAP_WRITERS.has(type)) return undefined
  if (type === 'tracing' && attachType === 'trace_iter') return undefined
  if (type === 'sock_ops' && helper === 'map_delete_elem') return undefined
  return ['cannot update sockmap in this context']
}

/** The helper may be called with this map. */
export function checkMapCompatibility(env: Environment, map: VerifierMap, helper: HelperSpec): void {
  const { name, id } = helper
  const type = mapTypeName(env, map)
  const lines: string[] = []
  let fits = true
  const helpers = HELPERS_OF_TYPE.get(type)
  if (helpers !== undefined && !helpers.has(name)) {
    const refusal = type === 'sockmap' || type === 'sockhash' ? socketMapRefusal(env, name) : []
    if (refusal !== undefined) {
      fits = false
      lines.push(...refusal)
    }
  }
  fits &&= TYPES_OF_HELPER.get(name)?.has(type) ?? true
  if (fits) return
  lines.push(`cannot pass map_type ${map.type} into func bpf_${name}#${id}`)
  reject('map_mismatch', lines, { mapType: type, helper: name })
}
