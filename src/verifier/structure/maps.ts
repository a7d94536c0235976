/**
 * Which maps a program may refer to: at most 64, and of kinds that its type may use.
 * @see https://docs.ebpf.io/linux/concepts/maps/
 * @module
 */
import { mapRecord } from '../calls/record.ts'
import type { Environment } from '../environment.ts'
import type { VerifierMap } from '../program.ts'
import { refuse } from './refuse.ts'

export const MAX_MAPS = 64

/** Programs that run wherever the kernel happens to be: they may interrupt the holder of a lock. */
const TRACING: ReadonlySet<string> = new Set([
  'kprobe',
  'tracepoint',
  'perf_event',
  'raw_tracepoint',
  'raw_tracepoint_writable',
])

/** Maps whose elements live on while a program sleeps, by name of their type. */
const FOR_SLEEPABLE: ReadonlySet<string> = new Set([
  'hash',
  'lru_hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_percpu_hash',
  'array_of_maps',
  'hash_of_maps',
  'ringbuf',
  'user_ringbuf',
  'inode_storage',
  'sk_storage',
  'task_storage',
  'cgrp_storage',
  'queue',
  'stack',
  'arena',
])

/** The maps that a program refers to, as they are met. */
export class MapsInUse {
  private readonly env: Environment
  private readonly maps = new Set<VerifierMap>()
  /** Of kinds that a program may have one of. */
  private readonly single = new Map<string, VerifierMap>()

  constructor(env: Environment) {
    this.env = env
  }

  /** Refuses a map that is one too many, or not for this program. */
  add(map: VerifierMap, slot: number): void {
    if (this.maps.has(map)) return
    if (this.maps.size >= MAX_MAPS) {
      refuse('too_many_maps', `The total number of maps per program has reached the limit of ${MAX_MAPS}`, slot)
    }
    this.check(map, slot)
    this.maps.add(map)
  }

  private check(map: VerifierMap, slot: number): void {
    const { env } = this
    const { type: programType, sleepable } = env.program
    const tracing = TRACING.has(programType)
    const mapType = env.platform.mapTypes.get(map.type)?.name ?? ''
    const no = (message: string): never => refuse('map_not_allowed', message, slot, { map: map.name })
    const has = (...kinds: string[]): boolean => mapRecord(map).some((field) => kinds.includes(field.kind))
    if (map.btf !== undefined && (tracing || programType === 'socket_filter')) {
      if (tracing && has('list_head', 'rb_root')) no('tracing progs cannot use bpf_{list_head,rb_root} yet')
      if (has('spin_lock', 'res_spin_lock')) {
        no(`${tracing ? 'tracing' : 'socket filter'} progs cannot use bpf_spin_lock yet`)
      }
      if (tracing && has('timer')) no('tracing progs cannot use bpf_timer yet')
      if (tracing && has('wq')) no('tracing progs cannot use bpf_wq yet')
    }
    if (mapType === 'struct_ops') no('bpf_struct_ops map cannot be used in prog')
    if (sleepable === true && !FOR_SLEEPABLE.has(mapType)) {
      no('Sleepable programs can only use array, hash, ringbuf and local storage maps')
    }
    switch (mapType) {
      case 'cgroup_storage':
      case 'percpu_cgroup_storage':
        if (this.single.has(mapType)) no('only one cgroup storage of each type is allowed')
        this.single.set(mapType, map)
        break
      case 'arena':
        if (this.single.has(mapType)) no('Only one arena per program')
        if (!env.permissions.allowPointerLeaks || !env.permissions.bpfCapable) {
          no('CAP_BPF and CAP_PERFMON are required to use arena')
        }
        this.single.set(mapType, map)
        break
    }
  }
}
