// ARRAY and PERCPU_ARRAY: elements by index, all present from the start.
import { MAP_CPU_STRIDE, MAP_DATA, MAP_STRIDE } from '../src/vm/guest-layout'
import {
  BPF_EXIST,
  BPF_NOEXIST,
  copyValue,
  cpuStrideOf,
  dataOf,
  E2BIG,
  EEXIST,
  EINVAL,
  ENOENT,
  maxEntriesOf,
  strideOf,
  valueSizeOf,
} from './control-block'
import { heapAllocate } from './heap'

/** Reserves the elements: `copies` of them. 0: no memory. */
export function arrayInit(map: u32, copies: u32): u32 {
  const stride: u64 = ((<u64>valueSizeOf(map) + 7) >> 3) << 3
  const copy = stride * maxEntriesOf(map)
  const cpuStride: u64 = copies > 1 ? ((copy + 63) >> 6) << 6 : copy
  // Copies of different CPUs begin on cache lines of their own.
  const bytes = cpuStride * copies + (copies > 1 ? 64 : 0)
  if (bytes > 0xffffffff) return 0
  const block = heapAllocate(<u32>bytes)
  if (block == 0) return 0
  store<u32>(map, copies > 1 ? (block + 63) & ~63 : block, MAP_DATA)
  store<u32>(map, <u32>stride, MAP_STRIDE)
  store<u32>(map, <u32>cpuStride, MAP_CPU_STRIDE)
  return block
}

export function arrayLookup(map: u32, key: u32, cpu: u32): u32 {
  const index = load<u32>(key)
  return index < maxEntriesOf(map) ? dataOf(map) + index * strideOf(map) : 0
}

export function percpuArrayLookup(map: u32, key: u32, cpu: u32): u32 {
  const index = load<u32>(key)
  return index < maxEntriesOf(map) ? dataOf(map) + cpu * cpuStrideOf(map) + index * strideOf(map) : 0
}

// @ts-ignore: decorator
@inline
function refusal(map: u32, key: u32, flags: u32): i32 {
  if (flags > BPF_EXIST) return -EINVAL
  if (load<u32>(key) >= maxEntriesOf(map)) return -E2BIG
  return flags == BPF_NOEXIST ? -EEXIST : 0
}

export function arrayUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  const error = refusal(map, key, flags)
  if (error != 0) return error
  copyValue(dataOf(map) + load<u32>(key) * strideOf(map), value, valueSizeOf(map))
  return 0
}

export function percpuArrayUpdate(map: u32, key: u32, value: u32, flags: u32, cpu: u32): i32 {
  const error = refusal(map, key, flags)
  if (error != 0) return error
  copyValue(dataOf(map) + cpu * cpuStrideOf(map) + load<u32>(key) * strideOf(map), value, valueSizeOf(map))
  return 0
}

/** Writes the index after `key` (0: none, the first) to `out`. An index that is not in the array restarts. */
export function arrayNextKey(map: u32, key: u32, out: u32): i32 {
  const last = maxEntriesOf(map) - 1
  const index = key == 0 ? <u32>0xffffffff : load<u32>(key)
  if (index == last) return -ENOENT
  store<u32>(out, index > last ? 0 : index + 1)
  return 0
}
