/**
 * Where a C compiler puts the members of a struct, and what has to be written so that it puts them where BTF has them.
 *
 * Rules of the System V ABI, which clang has for BPF: a member lies at the next multiple of its alignment, a bit field of
 * type T crosses no boundary of sizeof(T), `T: 0` goes on at the next such boundary, and unnamed bit fields do not count
 * for the alignment of the struct. In a packed struct everything follows at once, bit fields bit by bit.
 * @module
 */

/** A member as C has it; sizes and offsets in bits. */
export interface CField {
  readonly offset: number
  readonly size: number
  /** Width of a bit field; 0 for an ordinary member. */
  readonly width: number
  /** Alignment of the type, in bits. */
  readonly align: number
}

export interface CLayout {
  readonly packed: boolean
  /** Bytes, for `aligned`; 0 where it is not needed. */
  readonly aligned: number
  /** Alignment that the struct then has, in bytes. */
  readonly align: number
  /** Padding before each field, and at last what comes after all: `long: 64`. */
  readonly padding: readonly (readonly string[])[]
  /** Fields that C cannot put there, by index. */
  readonly misplaced: ReadonlySet<number>
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to

/** Types of padding, largest first. */
const PADS = [
  { name: 'long', bits: 64 },
  { name: 'int', bits: 32 },
  { name: 'short', bits: 16 },
  { name: 'char', bits: 8 },
] as const

/** Where a bit field of a type of `size` bits is put, after `at` bits. */
function placeBits(at: number, width: number, size: number, packed: boolean): number {
  if (width === 0) return roundUp(at, size)
  if (packed) return at
  return Math.floor(at / size) === Math.floor((at + width - 1) / size) ? at : roundUp(at, size)
}

function place(at: number, field: CField, packed: boolean): number {
  if (field.width > 0) return placeBits(at, field.width, field.size, packed)
  return roundUp(at, packed ? 8 : field.align)
}

interface Pad {
  readonly name: string
  readonly bits: number
  readonly width: number
  /** Bytes of an array, instead of bits. */
  readonly bytes?: number
}

/** Larger gaps are one array: a struct without members may be as large as it likes. */
const MAX_GAP = 1 << 19

/** Bits after these. */
function after(at: number, pads: readonly Pad[], packed: boolean): number {
  let end = at
  for (const { bits, width, bytes } of pads) {
    end = bytes === undefined ? placeBits(end, width, bits, packed) + width : roundUp(end, 8) + 8 * bytes
  }
  return end
}

/**
 * Padding from `at` to `to`: up to a boundary of the largest type that has one on the way (which the compiler may find by
 * itself), then whole ones, then the smallest that holds the rest.
 */
function padding(at: number, to: number, nextAlign: number, inBits: boolean, packed: boolean): Pad[] {
  if (at >= to) return []
  if (to - at > MAX_GAP) {
    const bytes = Math.floor(to / 8) - Math.ceil(at / 8)
    const rest = to % 8
    const array = { name: 'char', bits: 8, width: 8, bytes }
    return rest === 0 ? [array] : [array, { name: 'char', bits: 8, width: rest }]
  }
  const pads: Pad[] = []
  const largest = PADS.find(({ bits }) => roundUp(at, bits) <= to) ?? PADS[3]
  const boundary = roundUp(at, largest.bits)
  let end = at
  if (boundary > at && boundary <= to) {
    const found = boundary === to ? roundUp(at, nextAlign) === to : to - boundary > boundary - at
    if (inBits) pads.push({ ...largest, width: boundary - at })
    else if (!found) pads.push({ ...largest, width: 0 })
    end = boundary
  }
  for (; to - end >= largest.bits; end += largest.bits) pads.push({ ...largest, width: largest.bits })
  if (end < to) pads.push({ ...PADS.findLast(({ bits }) => bits >= to - end)!, width: to - end })
  // The compiler has the last word; where it would not get there, every bit is written out.
  return after(at, pads, packed) <= to ? pads : bitByBit(at, to)
}

function bitByBit(at: number, to: number): Pad[] {
  if (to - at > MAX_GAP) return padding(at, to, 8, true, true)
  const pads: Pad[] = []
  for (let end = at; end < to; ) {
    const width = Math.min(8 - (end % 8), to - end)
    pads.push({ name: 'char', bits: 8, width })
    end += width
  }
  return pads
}

/** How a struct of `size` bytes has to be written. */
export function layoutStruct(fields: readonly CField[], size: number): CLayout {
  return tryStruct(fields, size, false) ?? tryStruct(fields, size, true)!
}

function tryStruct(fields: readonly CField[], size: number, packed: boolean): CLayout | undefined {
  let at = 0
  let align = 8
  let afterBits = false
  const all: Pad[][] = []
  const misplaced = new Set<number>()
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!
    let pads = padding(at, field.offset, packed ? 8 : field.align, afterBits && field.width > 0, packed)
    if (place(after(at, pads, packed), field, packed) !== field.offset && field.offset >= at) {
      pads = bitByBit(at, field.offset)
    }
    if (place(after(at, pads, packed), field, packed) !== field.offset) {
      if (!packed) return undefined
      misplaced.add(i)
      all.push([])
      continue
    }
    all.push(pads)
    at = field.offset + (field.width > 0 ? field.width : field.size)
    align = Math.max(align, packed ? 8 : field.align)
    afterBits = field.width > 0
  }
  const bits = 8 * size
  const missing = bits - at
  // Only where every bit of the end has to be written: without it the compiler rounds up by itself.
  let last = missing > 0 ? padding(at, bits, align, false, packed) : []
  if (roundUp(after(at, last, packed), align) !== bits && missing > 0) last = bitByBit(at, bits)
  if (roundUp(after(at, last, packed), align) !== bits && !packed) return undefined
  all.push(last)
  const text = all.map((pads, i) => pads.map((pad) => padText(pad, i)))
  return { packed, aligned: 0, align: align / 8, padding: text, misplaced }
}

function padText({ name, width, bytes }: Pad, before: number): string {
  return bytes === undefined ? `${name}: ${width}` : `${name} __padding_${before}[${bytes}]`
}

/** How a union of `size` bytes has to be written. */
export function layoutUnion(fields: readonly CField[], size: number): CLayout {
  let largest = 0
  let align = 8
  const misplaced = new Set<number>()
  fields.forEach((field, i) => {
    if (field.offset !== 0) misplaced.add(i)
    largest = Math.max(largest, field.width > 0 ? field.width : field.size)
    align = Math.max(align, field.align)
  })
  const bits = 8 * size
  const packed = roundUp(largest, align) > bits
  const natural = roundUp(largest, packed ? 8 : align)
  // Larger than its members are: it was aligned.
  let aligned = 0
  for (let to = 2; natural < bits && to <= 4096 && aligned === 0; to *= 2)
    if (roundUp(natural, 8 * to) === bits) aligned = to
  const padding = [...fields.map(() => []), natural < bits && aligned === 0 ? wholeUnion(size) : []]
  return { packed, aligned, align: Math.max(packed ? 1 : align / 8, aligned), padding, misplaced }
}

/** Bit fields are not wide enough to make a union larger. */
function wholeUnion(size: number): string[] {
  return [`struct { char: 8; } __padding[${size}]`]
}
