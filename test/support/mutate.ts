/**
 * Hostile versions of good files: bytes flipped, fields overwritten with extreme values, parts cut off, moved, repeated.
 * @module
 */
import type { SeededRandom } from '../../src/util/index.ts'

const EXTREMES = [0, 1, 2, 7, 8, 0x7f, 0xff, 0xffff, 0x10000, 0xffffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

/** A copy of `good` with one to eight random changes; `from` and `to` limit where they are (all of it by default). */
export function mutate(good: Uint8Array, random: SeededRandom, from = 0, to = good.length): Uint8Array {
  const bytes = good.slice()
  const view = new DataView(bytes.buffer)
  const place = (width: number): number => Math.min(bytes.length - width, from + random.below(to - from))
  for (let change = random.between(1, 8); change > 0; change--) {
    const little = random.below(2) === 0
    switch (random.below(7)) {
      case 0:
        bytes[place(1)]! ^= 1 << random.below(8)
        break
      case 1:
        bytes[place(1)] = random.u32()
        break
      case 2:
        view.setUint32(place(4), random.pick(EXTREMES), little)
        break
      case 3: {
        // Small steps find what lies just outside.
        const at = place(4)
        view.setUint32(at, view.getUint32(at, little) + random.between(-9, 9), little)
        break
      }
      case 4:
        view.setUint16(place(2), random.pick(EXTREMES), little)
        break
      case 5: {
        const length = random.below(64)
        bytes.copyWithin(place(length), place(length), place(length) + length)
        break
      }
      case 6:
        view.setBigUint64(place(8), BigInt(random.pick(EXTREMES)) << BigInt(random.below(33)), little)
        break
    }
  }
  return random.below(8) === 0 ? bytes.slice(0, random.below(bytes.length + 1)) : bytes
}
