/**
 * Which parameters a map can be created with. The rules, and the error that is named, are Linux's.
 * @see https://docs.kernel.org/bpf/maps.html
 * @module
 */
import { MAP_FLAG } from '../spec/map-types.ts'
import { AnybpfError } from '../util/errors.ts'
import type { MapParameters } from './definition.ts'

/** Largest block that the kernel allocates in one piece. */
const KMALLOC_MAX_SIZE = 4 << 20
/** Largest per-CPU value. */
const PERCPU_VALUE_MAX = 32 << 10
/** Of a trie's key, after the length of the prefix. */
const TRIE_DATA_MAX = 256
/** So that a node with the largest key, and 24 bytes of links, is one block. */
const TRIE_VALUE_MAX = KMALLOC_MAX_SIZE - TRIE_DATA_MAX - 24
const INT_MAX = 0x7fff_ffff
const UINT_MAX = 0xffff_ffff
const PAGE = 4096

const ACCESS = MAP_FLAG.RDONLY | MAP_FLAG.WRONLY | MAP_FLAG.RDONLY_PROG | MAP_FLAG.WRONLY_PROG
const ARRAY_FLAGS = MAP_FLAG.NUMA_NODE | ACCESS
const HASH_FLAGS = MAP_FLAG.NO_PREALLOC | MAP_FLAG.NUMA_NODE | MAP_FLAG.ZERO_SEED | ACCESS

type Errno = 'EINVAL' | 'E2BIG' | 'ENOTSUPP'

function refuse(parameters: MapParameters, errno: Errno, reason: string): never {
  throw new AnybpfError('ERR_MAP', `map ${parameters.name}: ${reason} (${errno})`, { details: { errno } })
}

function requireThat(holds: boolean, parameters: MapParameters, reason: string, errno: Errno = 'EINVAL'): void {
  if (!holds) refuse(parameters, errno, reason)
}

function checkCommon(parameters: MapParameters, allowed: number): void {
  for (const field of ['keySize', 'valueSize', 'maxEntries', 'flags'] as const) {
    const value = parameters[field]
    requireThat(Number.isInteger(value) && value >= 0 && value <= UINT_MAX, parameters, `${field} is ${value}`)
  }
  const { flags, cpus } = parameters
  requireThat(Number.isInteger(cpus) && cpus >= 1 && cpus <= 4096, parameters, `${cpus} CPUs`)
  const unknown = (flags & ~allowed) >>> 0
  requireThat(unknown === 0, parameters, `flags 0x${unknown.toString(16)} do not apply to this type`)
  const both = MAP_FLAG.RDONLY_PROG | MAP_FLAG.WRONLY_PROG
  requireThat((flags & both) !== both, parameters, 'a map that programs can neither read nor write')
}

function checkPerCpu(parameters: MapParameters): void {
  requireThat((parameters.flags & MAP_FLAG.NUMA_NODE) === 0, parameters, 'a per-CPU map has no NUMA node')
  const { valueSize } = parameters
  requireThat(
    valueSize <= PERCPU_VALUE_MAX,
    parameters,
    `a per-CPU value has at most ${PERCPU_VALUE_MAX} bytes, not ${valueSize}`,
    'E2BIG',
  )
}

export function checkArray(parameters: MapParameters, kind: 'plain' | 'percpu' | 'programs' | 'events' | 'maps'): void {
  const extra =
    kind === 'plain' ? MAP_FLAG.MMAPABLE | MAP_FLAG.INNER_MAP : kind === 'events' ? MAP_FLAG.PRESERVE_ELEMS : 0
  checkCommon(parameters, ARRAY_FLAGS | extra)
  const { keySize, valueSize, maxEntries, flags } = parameters
  requireThat(keySize === 4, parameters, `the key of an array has 4 bytes, not ${keySize}`)
  requireThat(maxEntries > 0, parameters, 'max_entries is 0')
  if (kind === 'plain' || kind === 'percpu') {
    requireThat(valueSize > 0, parameters, 'the value has no bytes')
    requireThat(valueSize <= INT_MAX, parameters, `a value of ${valueSize} bytes`, 'E2BIG')
  } else {
    requireThat(valueSize === 4, parameters, `the value of such an array has 4 bytes, not ${valueSize}`)
    const programs = MAP_FLAG.RDONLY_PROG | MAP_FLAG.WRONLY_PROG
    requireThat((flags & programs) === 0, parameters, 'flags on access by programs do not apply to this type')
  }
  if (kind === 'percpu') checkPerCpu(parameters)
}

export function checkHash(parameters: MapParameters, kind: 'plain' | 'percpu' | 'maps'): void {
  checkCommon(parameters, HASH_FLAGS)
  checkHashSizes(parameters)
  if (kind === 'maps') {
    requireThat(parameters.valueSize === 4, parameters, `the value has 4 bytes, not ${parameters.valueSize}`)
  }
  if (kind === 'percpu') checkPerCpu(parameters)
}

export function checkLruHash(parameters: MapParameters, kind: 'plain' | 'percpu'): void {
  checkCommon(parameters, HASH_FLAGS | MAP_FLAG.NO_COMMON_LRU)
  const { flags } = parameters
  requireThat((flags & MAP_FLAG.NO_PREALLOC) === 0, parameters, 'an LRU map without preallocation', 'ENOTSUPP')
  const lists = MAP_FLAG.NO_COMMON_LRU | MAP_FLAG.NUMA_NODE
  requireThat((flags & lists) !== lists, parameters, 'LRU lists of each CPU have no NUMA node')
  checkHashSizes(parameters)
  if (kind === 'percpu') checkPerCpu(parameters)
}

function checkHashSizes(parameters: MapParameters): void {
  const { keySize, valueSize, maxEntries } = parameters
  requireThat(keySize > 0, parameters, 'the key has no bytes')
  requireThat(valueSize > 0, parameters, 'the value has no bytes')
  requireThat(maxEntries > 0, parameters, 'max_entries is 0')
  requireThat(maxEntries <= 2 ** 31, parameters, `max_entries is ${maxEntries}`, 'E2BIG')
  requireThat(
    keySize + valueSize < KMALLOC_MAX_SIZE - 48,
    parameters,
    `key and value have ${keySize + valueSize} bytes`,
    'E2BIG',
  )
}

export function checkTrie(parameters: MapParameters): void {
  checkCommon(parameters, MAP_FLAG.NO_PREALLOC | MAP_FLAG.NUMA_NODE | ACCESS)
  const { keySize, valueSize, maxEntries, flags } = parameters
  requireThat((flags & MAP_FLAG.NO_PREALLOC) !== 0, parameters, 'a trie needs BPF_F_NO_PREALLOC')
  requireThat(maxEntries > 0, parameters, 'max_entries is 0')
  const dataSize = keySize - 4
  requireThat(
    dataSize >= 1 && dataSize <= TRIE_DATA_MAX,
    parameters,
    `the key of a trie is 4 bytes and 1 to ${TRIE_DATA_MAX} bytes of prefix, not ${keySize} bytes`,
  )
  requireThat(
    valueSize >= 1 && valueSize <= TRIE_VALUE_MAX,
    parameters,
    `the value of a trie has 1 to ${TRIE_VALUE_MAX} bytes, not ${valueSize}`,
  )
}

export function checkRingBuffer(parameters: MapParameters): void {
  checkCommon(parameters, MAP_FLAG.NUMA_NODE)
  const { keySize, valueSize, maxEntries } = parameters
  requireThat(keySize === 0 && valueSize === 0, parameters, 'a ring buffer has no keys and no values')
  const powerOfTwo = maxEntries > 0 && (maxEntries & (maxEntries - 1)) === 0
  requireThat(
    powerOfTwo && maxEntries % PAGE === 0,
    parameters,
    `the size of a ring buffer is a power of two and at least ${PAGE} bytes, not ${maxEntries}`,
  )
}

/** The `inner` of a map-in-map: it must be there, and of a type that can be one. */
export function checkInner(
  parameters: MapParameters,
  nestable: (typeId: number) => boolean,
): NonNullable<MapParameters['inner']> {
  const { inner } = parameters
  if (inner === undefined) return refuse(parameters, 'EINVAL', 'what the inner maps look like is not said')
  requireThat(nestable(inner.typeId), parameters, `maps of type ${inner.typeId} cannot be inner maps`)
  return inner
}
