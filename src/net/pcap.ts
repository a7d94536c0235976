/**
 * The classic pcap format, reading: both byte orders, micro- and nanoseconds, format versions 2.0 to 2.4.
 *
 * A file header of 24 bytes, then records of a 16-byte header and the packet:
 *
 * ```
 * magic(4) major(2) minor(2) zone(4) accuracy(4) snapLength(4) linkType(4)
 * seconds(4) fraction(4) capturedLength(4) originalLength(4) packet…
 * ```
 * @see https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import type { CapturedPacket, CaptureFormatReader, CaptureInterface } from './capture.ts'
import type { CaptureInput } from './capture-input.ts'

export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d
export const PCAP_FILE_HEADER_LENGTH = 24
export const PCAP_RECORD_HEADER_LENGTH = 16

interface PcapVariant {
  readonly little: boolean
  readonly fractionNs: number
}

/** By the first four bytes, read as big-endian. */
const VARIANTS: ReadonlyMap<number, PcapVariant> = new Map([
  [PCAP_MAGIC_MICROSECONDS, { little: false, fractionNs: 1000 }],
  [PCAP_MAGIC_NANOSECONDS, { little: false, fractionNs: 1 }],
  [0xd4c3b2a1, { little: true, fractionNs: 1000 }],
  [0x4d3cb2a1, { little: true, fractionNs: 1 }],
])

const NS_PER_SECOND = 1_000_000_000n

export class PcapReader implements CaptureFormatReader {
  readonly format = 'pcap'
  readonly interfaces: CaptureInterface[] = []
  private readonly little: boolean
  private readonly fractionNs: number
  private readonly maxPacketLength: number
  private minorVersion = 4

  private constructor({ little, fractionNs }: PcapVariant, maxPacketLength: number) {
    this.little = little
    this.fractionNs = fractionNs
    this.maxPacketLength = maxPacketLength
  }

  static recognize(magic: number, maxPacketLength: number): PcapReader | undefined {
    const variant = VARIANTS.get(magic)
    return variant && new PcapReader(variant, maxPacketLength)
  }

  read(input: CaptureInput, packets: CapturedPacket[]): void {
    if (this.interfaces.length === 0) {
      if (!input.has(PCAP_FILE_HEADER_LENGTH)) return
      this.interfaces.push(this.readFileHeader(input))
    }
    const { little, fractionNs, maxPacketLength } = this
    const captureInterface = this.interfaces[0]!
    const { linkType } = captureInterface
    // Captures hold runs of packets of the same second: one multiplication of big integers for each run.
    let seconds = -1
    let secondsNs = 0n
    while (input.has(PCAP_RECORD_HEADER_LENGTH)) {
      const { view, at } = input
      let length = view.getUint32(at + 8, little)
      let originalLength = view.getUint32(at + 12, little)
      if (this.minorVersion < 4 && (this.minorVersion < 3 || length > originalLength)) {
        // Before 2.3 the two lengths were the other way round; 2.3 has both.
        const swap = length
        length = originalLength
        originalLength = swap
      }
      if (length > maxPacketLength) {
        throw new AnybpfError(
          'ERR_CAPTURE',
          `pcap record at byte ${input.position} has ${length} bytes; at most ${maxPacketLength} are read`,
        )
      }
      if (!input.has(PCAP_RECORD_HEADER_LENGTH + length)) return
      // `has` may have moved the record into a buffer of its own.
      const { view: record, at: start, bytes } = input
      const recordSeconds = record.getUint32(start, little)
      if (recordSeconds !== seconds) {
        seconds = recordSeconds
        secondsNs = BigInt(seconds) * NS_PER_SECOND
      }
      const dataStart = start + PCAP_RECORD_HEADER_LENGTH
      packets.push({
        data: new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart, length),
        originalLength,
        timestampNs: secondsNs + BigInt(record.getUint32(start + 4, little) * fractionNs),
        interface: captureInterface,
        linkType,
      })
      input.at = dataStart + length
    }
  }

  private readFileHeader(input: CaptureInput): CaptureInterface {
    const { view, at } = input
    const major = view.getUint16(at + 4, this.little)
    this.minorVersion = view.getUint16(at + 6, this.little)
    if (major !== 2 || this.minorVersion > 4) {
      throw new AnybpfError('ERR_CAPTURE', `pcap version ${major}.${this.minorVersion} is not 2.0 to 2.4`)
    }
    const snapLength = view.getUint32(at + 16, this.little)
    // The upper half may say how long frame check sequences are.
    const linkType = view.getUint32(at + 20, this.little) & 0xffff
    input.at += PCAP_FILE_HEADER_LENGTH
    return { index: 0, linkType, snapLength }
  }
}
