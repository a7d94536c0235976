/**
 * Accesses to memory whose size is known: the lowest and the highest byte that may be touched both lie inside.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import { PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE, PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META } from '../types.ts'

/** Variable offsets reach no further: beyond it, arithmetic on offsets might wrap. */
export const MAX_VARIABLE_OFFSET = 1 << 29

const MIN_S32 = -2147483648
const MAX_S32 = 2147483647

/**
 * Bytes `off` to `off + size` of an object of `memSize` bytes. Undefined if they are in it, else what Linux says; `off`
 * is a 32-bit integer.
 */
export function outOfRange(
  reg: Reg,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroAllowed: boolean,
): string | undefined {
  const sizeFits = size > 0 || (size === 0 && zeroAllowed)
  if (off >= 0 && sizeFits && off + size <= memSize) return undefined
  switch (reg.type) {
    case PTR_TO_MAP_KEY:
      return `invalid access to map key, key_size=${memSize} off=${off} size=${size}`
    case PTR_TO_MAP_VALUE:
      return `invalid access to map value, value_size=${memSize} off=${off} size=${size}`
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET_END:
      return `invalid access to packet, off=${off} size=${size}, R${regno}(id=${reg.id},off=${off},r=${memSize})`
    default:
      return `invalid access to memory, mem_size=${memSize} off=${off} size=${size}`
  }
}

export function rejectNegativeMinimum(regno: number, off: number): never {
  return reject(
    'negative_offset',
    `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
    { regno, off },
  )
}

/** `size` bytes at `off` (with the pointer's fixed offset) plus the variable offset of `reg` lie in `memSize` bytes. */
export function checkRegion(
  reg: Reg,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroAllowed: boolean,
): void {
  const { scalar } = reg

  // The least value matters where comparisons were signed: then zero is not the floor.
  const min = scalar.smin
  if (min < 0) {
    const least = min + off
    if (least < MIN_S32 || least > MAX_S32 || least < 0) rejectNegativeMinimum(regno, off)
  }
  const below = outOfRange(reg, regno, (scalar.sminLow + off) | 0, size, memSize, zeroAllowed)
  if (below !== undefined) {
    reject('out_of_bounds', [below, `R${regno} min value is outside of the allowed memory range`], {
      regno,
      off,
      size,
      memSize,
    })
  }

  const max = scalar.umax
  if (max >= MAX_VARIABLE_OFFSET) {
    reject('unbounded', `R${regno} unbounded memory access, make sure to bounds check any such access`, {
      regno,
      off,
      size,
      memSize,
    })
  }
  const above = outOfRange(reg, regno, (max + off) | 0, size, memSize, zeroAllowed)
  if (above !== undefined) {
    reject('out_of_bounds', [above, `R${regno} max value is outside of the allowed memory range`], {
      regno,
      off,
      size,
      memSize,
    })
  }
}
