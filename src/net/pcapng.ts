/**
 * The pcapng format, reading: sections of either byte order, any number of interfaces, all kinds of packet blocks.
 *
 * Everything is a block; its length is a multiple of four, and is stated at both ends:
 *
 * ```
 * type(4) length(4) body… length(4)
 * ```
 *
 * Blocks of other types (name resolution, statistics, secrets, custom) are skipped. Options are read where they matter
 * (interface descriptions); those of packets are skipped.
 * @see https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/
 * @module
 */
import { AnybpfError, decodeUtf8 } from '../util/index.ts'
import type { CapturedPacket, CaptureFormatReader, CaptureInterface } from './capture.ts'
import type { CaptureInput } from './capture-input.ts'

export const PCAPNG_BLOCK = {
  interfaceDescription: 1,
  packet: 2, // obsolete
  simplePacket: 3,
  enhancedPacket: 6,
  sectionHeader: 0x0a0d0d0a, // the same in both byte orders
} as const

export const PCAPNG_BYTE_ORDER_MAGIC = 0x1a2b3c4d

export const PCAPNG_OPTION = {
  end: 0,
  interfaceName: 2,
  interfaceDescription: 3,
  timestampResolution: 9,
  timestampOffset: 14,
} as const

/** Longest block that is read, unless longer packets are asked for; as in Wireshark. Bounds the memory of a stream. */
const MAX_BLOCK_LENGTH = 16 * 1024 * 1024

/** An interface costs a file 20 bytes and a reader many more. */
const MAX_INTERFACES = 65536

/** Interface of the current section, with what turns its timestamps into nanoseconds. */
interface SectionInterface {
  readonly public: CaptureInterface
  readonly unit: TimestampUnit
  readonly offsetNs: bigint
  /** The upper half of the last timestamp, and what it and the offset come to: it seldom changes. */
  high: number
  highNs: bigint
}

/** What a unit of time is: `multiplyBy` nanoseconds, `1 / divideBy` nanoseconds, or `1 / 2 ** shift` seconds. */
type TimestampUnit =
  | { readonly kind: 'whole'; readonly multiplyBy: number }
  | { readonly kind: 'decimal'; readonly divideBy: bigint }
  | { readonly kind: 'binary'; readonly shift: bigint }

const NS_PER_SECOND = 1_000_000_000n

export class PcapngReader implements CaptureFormatReader {
  readonly format = 'pcapng'
  readonly interfaces: CaptureInterface[] = []
  private readonly maxPacketLength: number
  private readonly maxBlockLength: number
  private section: SectionInterface[] = []
  private little = true

  private constructor(maxPacketLength: number) {
    this.maxPacketLength = maxPacketLength
    this.maxBlockLength = Math.max(MAX_BLOCK_LENGTH, maxPacketLength + 65536)
  }

  static recognize(magic: number, maxPacketLength: number): PcapngReader | undefined {
    return magic === PCAPNG_BLOCK.sectionHeader ? new PcapngReader(maxPacketLength) : undefined
  }

  read(input: CaptureInput, packets: CapturedPacket[]): void {
    // The byte order of a section header is known only after its first twelve bytes, and no block is shorter.
    while (input.has(12)) {
      const isSection = input.view.getUint32(input.at) === PCAPNG_BLOCK.sectionHeader
      if (isSection) this.little = sectionIsLittle(input)
      const { little } = this
      const type = input.view.getUint32(input.at, little)
      const length = input.view.getUint32(input.at + 4, little)
      if (length < 12 || length % 4 !== 0) throw blockError(input, `has length ${length}`)
      if (length > this.maxBlockLength) {
        throw blockError(input, `has ${length} bytes; at most ${this.maxBlockLength} are read`)
      }
      const timed = type === PCAPNG_BLOCK.enhancedPacket || type === PCAPNG_BLOCK.packet
      if (timed && length >= 32) {
        // A packet that is too long is refused before its bytes have arrived.
        if (!input.has(28)) return
        this.checkPacketLength(input, input.view.getUint32(input.at + 20, little))
      }
      if (!input.has(length)) return
      const trailing = input.view.getUint32(input.at + length - 4, little)
      if (trailing !== length) throw blockError(input, `has length ${length} at its start and ${trailing} at its end`)
      switch (type) {
        case PCAPNG_BLOCK.enhancedPacket:
          packets.push(this.enhancedPacket(input, length))
          break
        case PCAPNG_BLOCK.sectionHeader:
          this.sectionHeader(input, length)
          break
        case PCAPNG_BLOCK.interfaceDescription:
          this.interfaceDescription(input, length)
          break
        case PCAPNG_BLOCK.simplePacket:
          packets.push(this.simplePacket(input, length))
          break
        case PCAPNG_BLOCK.packet:
          packets.push(this.obsoletePacket(input, length))
          break
      }
      input.at += length
    }
  }

  private sectionHeader(input: CaptureInput, length: number): void {
    if (length < 28) throw blockError(input, `is a section header of ${length} bytes`)
    const major = input.view.getUint16(input.at + 12, this.little)
    const minor = input.view.getUint16(input.at + 14, this.little)
    // The draft asks to treat 1.2 as 1.0.
    if (major !== 1 || (minor !== 0 && minor !== 2)) throw blockError(input, `is of pcapng version ${major}.${minor}`)
    this.section = []
  }

  private interfaceDescription(input: CaptureInput, length: number): void {
    if (length < 20) throw blockError(input, `is an interface description of ${length} bytes`)
    if (this.interfaces.length >= MAX_INTERFACES) throw blockError(input, `is interface ${MAX_INTERFACES + 1}`)
    const { view, at } = input
    const { little } = this
    let name: string | undefined
    let description: string | undefined
    let resolution = 6
    let offsetNs = 0n
    const end = at + length - 4
    let option = at + 16
    while (option + 4 <= end) {
      const code = view.getUint16(option, little)
      const size = view.getUint16(option + 2, little)
      const value = option + 4
      if (code === PCAPNG_OPTION.end) break
      if (value + size > end) throw blockError(input, `has option ${code} of ${size} bytes, which leaves the block`)
      const text = (): string => decodeUtf8(input.bytes.subarray(value, value + size))
      if (code === PCAPNG_OPTION.interfaceName) name = text()
      else if (code === PCAPNG_OPTION.interfaceDescription) description = text()
      else if (code === PCAPNG_OPTION.timestampResolution && size === 1) resolution = view.getUint8(value)
      else if (code === PCAPNG_OPTION.timestampOffset && size === 8) {
        offsetNs = view.getBigInt64(value, little) * NS_PER_SECOND
      }
      option = value + ((size + 3) & ~3)
    }
    const described: CaptureInterface = {
      index: this.interfaces.length,
      linkType: view.getUint16(at + 8, little),
      snapLength: view.getUint32(at + 12, little),
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
    }
    this.interfaces.push(described)
    this.section.push({ public: described, unit: timestampUnit(resolution), offsetNs, high: 0, highNs: offsetNs })
  }

  /** interface(4) timeHigh(4) timeLow(4) capturedLength(4) originalLength(4) packet, padding, options */
  private enhancedPacket(input: CaptureInput, length: number): CapturedPacket {
    if (length < 32) throw blockError(input, `is a packet block of ${length} bytes`)
    return this.timedPacket(input, length, input.view.getUint32(input.at + 8, this.little))
  }

  /** As the enhanced packet, but the first word is interface(2) drops(2). */
  private obsoletePacket(input: CaptureInput, length: number): CapturedPacket {
    if (length < 32) throw blockError(input, `is a packet block of ${length} bytes`)
    return this.timedPacket(input, length, input.view.getUint16(input.at + 8, this.little))
  }

  private timedPacket(input: CaptureInput, length: number, interfaceId: number): CapturedPacket {
    const { view, at, bytes } = input
    const { little } = this
    const captured = view.getUint32(at + 20, little)
    if (captured > length - 32) throw blockError(input, `has ${length} bytes, and a packet of ${captured}`)
    const section = this.sectionInterface(input, interfaceId)
    return {
      data: new Uint8Array(bytes.buffer, bytes.byteOffset + at + 28, captured),
      originalLength: view.getUint32(at + 24, little),
      timestampNs: timestampNs(section, view.getUint32(at + 12, little), view.getUint32(at + 16, little)),
      interface: section.public,
      linkType: section.public.linkType,
    }
  }

  /** originalLength(4) packet, padding. Captured on the first interface, whose snap length says how much there is. */
  private simplePacket(input: CaptureInput, length: number): CapturedPacket {
    if (length < 16) throw blockError(input, `is a simple packet block of ${length} bytes`)
    const originalLength = input.view.getUint32(input.at + 8, this.little)
    const { public: captureInterface } = this.sectionInterface(input, 0)
    const { snapLength } = captureInterface
    const captured = snapLength === 0 ? originalLength : Math.min(originalLength, snapLength)
    if (captured > length - 16) throw blockError(input, `has ${length} bytes, and a packet of ${captured}`)
    this.checkPacketLength(input, captured)
    return {
      data: new Uint8Array(input.bytes.buffer, input.bytes.byteOffset + input.at + 12, captured),
      originalLength,
      timestampNs: 0n,
      interface: captureInterface,
      linkType: captureInterface.linkType,
    }
  }

  private sectionInterface(input: CaptureInput, id: number): SectionInterface {
    const found = this.section[id]
    if (found === undefined) {
      throw blockError(input, `is of interface ${id}; its section describes ${this.section.length}`)
    }
    return found
  }

  private checkPacketLength(input: CaptureInput, captured: number): void {
    if (captured > this.maxPacketLength) {
      throw blockError(input, `has a packet of ${captured} bytes; at most ${this.maxPacketLength} are read`)
    }
  }
}

function sectionIsLittle(input: CaptureInput): boolean {
  const magic = input.view.getUint32(input.at + 8)
  if (magic === PCAPNG_BYTE_ORDER_MAGIC) return false
  if (magic === 0x4d3c2b1a) return true
  throw blockError(input, `is a section header with byte-order magic ${magic.toString(16).padStart(8, '0')}`)
}

/** if_tsresol: bit 7 tells a power of 2 from a power of 10; the rest is the negative exponent of a unit in seconds. */
function timestampUnit(resolution: number): TimestampUnit {
  const exponent = resolution & 0x7f
  if ((resolution & 0x80) !== 0) return { kind: 'binary', shift: BigInt(exponent) }
  if (exponent <= 9) return { kind: 'whole', multiplyBy: 10 ** (9 - exponent) }
  return { kind: 'decimal', divideBy: 10n ** BigInt(exponent - 9) }
}

/** Nanoseconds of a timestamp given as two halves. */
function timestampNs(from: SectionInterface, high: number, low: number): bigint {
  const { unit } = from
  // The product with the lower half is exact as a number for microseconds and the like, not for coarser units.
  if (unit.kind === 'whole' && unit.multiplyBy <= 100_000) {
    if (high !== from.high) {
      from.high = high
      from.highNs = (BigInt(high) << 32n) * BigInt(unit.multiplyBy) + from.offsetNs
    }
    return from.highNs + BigInt(low * unit.multiplyBy)
  }
  const units = (BigInt(high) << 32n) | BigInt(low)
  switch (unit.kind) {
    case 'whole':
      return units * BigInt(unit.multiplyBy) + from.offsetNs
    case 'decimal':
      return units / unit.divideBy + from.offsetNs
    case 'binary':
      return ((units * NS_PER_SECOND) >> unit.shift) + from.offsetNs
  }
}

function blockError(input: CaptureInput, what: string): AnybpfError {
  return new AnybpfError('ERR_CAPTURE', `pcapng block at byte ${input.position} ${what}`)
}
