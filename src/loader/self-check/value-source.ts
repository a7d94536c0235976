/**
 * Where the numbers come from that a hostile world answers with: small ones, powers of two and their neighbours, signs,
 * and a program's own constants, far more often than chance would give them. Seeded: a run can be repeated.
 * @module
 */
import { SeededRandom } from '../../util/index.ts'

export class ValueSource {
  readonly random: SeededRandom
  /** Of the number that was drawn last. */
  low = 0
  high = 0
  /** Halves of constants that the program compares with. */
  private dictionary: readonly number[] = []

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
  }

  /** Constants of the program to be run, as pairs of halves, low ones first. */
  learn(dictionary: readonly number[]): void {
    this.dictionary = dictionary
  }

  /** Draws 64 bits into `low` and `high`. */
  draw(): void {
    const { random } = this
    const kind = random.u32() & 15
    const bits = random.u32()
    if (kind < 4) this.set(bits & 15, 0)
    else if (kind < 6) this.set(bits & 255, 0)
    else if (kind < 9 && this.dictionary.length > 0) this.drawKnown(bits)
    else if (kind < 11) this.drawEdge(bits)
    else if (kind === 11) this.set(-1 - (bits & 15), -1)
    else if (kind === 12) this.set(-1 - (bits & 15), 0)
    else if (kind === 13) this.set(random.u32() | 0, 0)
    else if (kind === 14) this.set(random.u32() & 0xffff, 0)
    else this.set(random.u32() | 0, random.u32() | 0)
  }

  /** A power of two, or next to it; perhaps negated. */
  private drawEdge(bits: number): void {
    const shift = bits & 63
    let low = shift < 32 ? 1 << shift : 0
    let high = shift < 32 ? 0 : 1 << (shift - 32)
    const delta = ((bits >>> 6) % 3) - 1
    const sum = low + delta
    if (delta < 0 && low === 0) high = (high - 1) | 0
    low = sum | 0
    if ((bits & 0x8000) !== 0) {
      const negated = -low | 0
      high = (~high + (low === 0 ? 1 : 0)) | 0
      low = negated
    }
    this.set(low, high)
  }

  private drawKnown(bits: number): void {
    const { dictionary } = this
    const at = 2 * ((bits >>> 4) % (dictionary.length >>> 1))
    const delta = (bits & 7) === 0 ? -1 : (bits & 7) === 1 ? 1 : 0
    const low = dictionary[at]!
    const high = dictionary[at + 1]!
    const sum = (low + delta) | 0
    const carry = delta > 0 && sum === 0 ? 1 : delta < 0 && low === 0 ? -1 : 0
    this.set(sum, high + carry)
  }

  private set(low: number, high: number): void {
    this.low = low | 0
    this.high = high | 0
  }

  /** Fills bytes with drawn numbers, of 8, 4, 2 and 1 bytes, at their natural places. */
  fill(view: DataView, start: number, end: number): void {
    let at = start
    while (at < end) {
      this.draw()
      const left = end - at
      const size = 1 << Math.min(3, Math.clz32(1) - Math.clz32(left), this.random.u32() & 3)
      if (size === 8) {
        view.setInt32(at, this.low, true)
        view.setInt32(at + 4, this.high, true)
      } else if (size === 4) view.setInt32(at, this.low, true)
      else if (size === 2) view.setInt16(at, this.low, true)
      else view.setInt8(at, this.low)
      at += size
    }
  }
}
