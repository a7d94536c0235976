/**
 * The map types of Linux: numbers, and since when.
 *
 * Written from the list of map types at docs.ebpf.io and the kernel's own documentation; names are bpftool's.
 * @see https://docs.ebpf.io/linux/map-type/
 * @see https://docs.kernel.org/bpf/maps.html
 * @module
 */
import type { MapTypeSpec } from './types.ts'

/** Every map type of Linux up to 6.19, implemented here or not. */
export const LINUX_MAP_TYPES: readonly MapTypeSpec[] = [
  { id: 1, name: 'hash', since: '3.19', summary: 'a hash table' },
  { id: 2, name: 'array', since: '3.19', summary: 'values by index, all present from the start' },
  { id: 3, name: 'prog_array', since: '4.2', summary: 'programs to tail-call' },
  { id: 4, name: 'perf_event_array', since: '4.3', records: true, summary: 'a buffer of events for each CPU' },
  { id: 5, name: 'percpu_hash', since: '4.6', perCpu: true, summary: 'a hash table with a value for each CPU' },
  { id: 6, name: 'percpu_array', since: '4.6', perCpu: true, summary: 'an array with a value for each CPU' },
  { id: 7, name: 'stack_trace', since: '4.6', summary: 'call stacks by number' },
  { id: 8, name: 'cgroup_array', since: '4.8', summary: 'control groups to test a packet or task against' },
  { id: 9, name: 'lru_hash', since: '4.10', summary: 'a hash table that drops what was not used lately' },
  {
    id: 10,
    name: 'lru_percpu_hash',
    since: '4.10',
    perCpu: true,
    summary: 'an LRU hash table with a value for each CPU',
  },
  { id: 11, name: 'lpm_trie', since: '4.11', summary: 'values by the longest prefix that matches' },
  { id: 12, name: 'array_of_maps', since: '4.12', mapInMap: true, summary: 'maps by index' },
  { id: 13, name: 'hash_of_maps', since: '4.12', mapInMap: true, summary: 'maps by key' },
  { id: 14, name: 'devmap', since: '4.14', summary: 'network devices to redirect to, by index' },
  { id: 15, name: 'sockmap', since: '4.14', summary: 'sockets to redirect to, by index' },
  { id: 16, name: 'cpumap', since: '4.15', summary: 'CPUs to hand packets on to' },
  { id: 17, name: 'xskmap', since: '4.18', summary: 'AF_XDP sockets to redirect to' },
  { id: 18, name: 'sockhash', since: '4.18', summary: 'sockets to redirect to, by key' },
  { id: 19, name: 'cgroup_storage', since: '4.19', summary: 'memory of a program attached to a cgroup' },
  { id: 20, name: 'reuseport_sockarray', since: '4.19', summary: 'sockets of a reuseport group' },
  {
    id: 21,
    name: 'percpu_cgroup_storage',
    since: '4.20',
    perCpu: true,
    summary: 'memory of a program attached to a cgroup, for each CPU',
  },
  { id: 22, name: 'queue', since: '4.20', summary: 'values without keys, first in first out' },
  { id: 23, name: 'stack', since: '4.20', summary: 'values without keys, last in first out' },
  { id: 24, name: 'sk_storage', since: '5.2', summary: 'memory that belongs to a socket' },
  { id: 25, name: 'devmap_hash', since: '5.4', summary: 'network devices to redirect to, by key' },
  { id: 26, name: 'struct_ops', since: '5.6', summary: 'a table of functions that programs implement' },
  { id: 27, name: 'ringbuf', since: '5.8', records: true, summary: 'records of any length, in order, from all CPUs' },
  { id: 28, name: 'inode_storage', since: '5.10', summary: 'memory that belongs to an inode' },
  { id: 29, name: 'task_storage', since: '5.11', summary: 'memory that belongs to a task' },
  { id: 30, name: 'bloom_filter', since: '5.16', summary: 'a set that may say yes wrongly, and never no' },
  { id: 31, name: 'user_ringbuf', since: '6.1', summary: 'records from user space to programs' },
  { id: 32, name: 'cgrp_storage', since: '6.2', summary: 'memory that belongs to a control group' },
  { id: 33, name: 'arena', since: '6.9', summary: 'sparse memory with pointers, shared with user space' },
  { id: 34, name: 'insn_array', since: '6.19', summary: 'where instructions went, for indirect jumps' },
]

const BY_NAME: ReadonlyMap<string, MapTypeSpec> = new Map(LINUX_MAP_TYPES.map((type) => [type.name, type]))

/** The row of a map type by its name: `percpu_hash`. */
export function findLinuxMapType(name: string): MapTypeSpec | undefined {
  return BY_NAME.get(name)
}

/** Flags of map creation, `BPF_F_*`. */
export const MAP_FLAG = {
  NO_PREALLOC: 0x1,
  NO_COMMON_LRU: 0x2,
  NUMA_NODE: 0x4,
  /** Programs of the host's user side may only read, or only write. */
  RDONLY: 0x8,
  WRONLY: 0x10,
  STACK_BUILD_ID: 0x20,
  ZERO_SEED: 0x40,
  /** BPF programs may only read, or only write. */
  RDONLY_PROG: 0x80,
  WRONLY_PROG: 0x100,
  CLONE: 0x200,
  MMAPABLE: 0x400,
  PRESERVE_ELEMS: 0x800,
  INNER_MAP: 0x1000,
  LINK: 0x2000,
  PATH_FD: 0x4000,
  VTYPE_BTF_OBJ_FD: 0x8000,
  TOKEN_FD: 0x10000,
  SEGV_ON_FAULT: 0x20000,
  NO_USER_CONV: 0x40000,
} as const
