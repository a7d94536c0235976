/**
 * Packet captures: what they contain, and reading them, whichever format they are in.
 *
 * One push parser reads both formats; on it stand a reader of whole buffers and two asynchronous ones for streams. Packet
 * data is never copied, except where a packet crosses a boundary of chunks: it is a view into the chunk that the source
 * gave, and stays valid as long as the source does not write to that chunk again (Node's streams never do).
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import { CaptureInput } from './capture-input.ts'
import { PcapReader } from './pcap.ts'
import { PcapngReader } from './pcapng.ts'

export type CaptureFormat = 'pcap' | 'pcapng'

/** Where packets were captured. Classic pcap has one; in pcapng it is a description block. Compared by identity. */
export interface CaptureInterface {
  /** Counts from 0 through the whole capture, across sections. */
  readonly index: number
  /** LINKTYPE_ number: what packets begin with; see `LINK_TYPE`. */
  readonly linkType: number
  /** Longest captured length, in bytes; 0 is no limit. */
  readonly snapLength: number
  readonly name?: string
  readonly description?: string
}

export interface CapturedPacket {
  /** The captured bytes: a view, see the note at the top of this module. */
  readonly data: Uint8Array
  /** How long the packet was on the wire, in bytes. */
  readonly originalLength: number
  /** Nanoseconds since 1970-01-01 UTC; 0 for pcapng's simple packets, which have no time. */
  readonly timestampNs: bigint
  readonly interface: CaptureInterface
  readonly linkType: number
}

export interface CaptureReadOptions {
  /** A longer packet makes the capture unusable; bytes, default 262144, as in libpcap and Wireshark. */
  readonly maxPacketLength?: number
  /** End quietly where a capture breaks off within a record, as when its writer was killed; default: ERR_CAPTURE. */
  readonly allowTruncated?: boolean
}

export interface Capture {
  readonly format: CaptureFormat
  /** All that the capture describes, also those without packets. */
  readonly interfaces: readonly CaptureInterface[]
  readonly packets: readonly CapturedPacket[]
  /** It breaks off within a record; only with `allowTruncated`. */
  readonly truncated: boolean
}

/** What a format's reader does; `input` is positioned at a record, and stays there until it has all of it. */
export interface CaptureFormatReader {
  readonly format: CaptureFormat
  readonly interfaces: readonly CaptureInterface[]
  /** Reads all records that are complete. */
  read(input: CaptureInput, packets: CapturedPacket[]): void
}

export const DEFAULT_MAX_PACKET_LENGTH = 262144

/**
 * Reads a capture that arrives in chunks of any size, in bounded memory. ERR_CAPTURE for what is no capture, is corrupt
 * or breaks off; packets before the defect have been delivered.
 */
export class CaptureParser {
  private readonly input = new CaptureInput()
  private readonly maxPacketLength: number
  private readonly allowTruncated: boolean
  private reader: CaptureFormatReader | undefined

  constructor(options: CaptureReadOptions = {}) {
    this.maxPacketLength = options.maxPacketLength ?? DEFAULT_MAX_PACKET_LENGTH
    this.allowTruncated = options.allowTruncated ?? false
  }

  /** `undefined` until the first bytes have told. */
  get format(): CaptureFormat | undefined {
    return this.reader?.format
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.reader?.interfaces ?? []
  }

  /** Appends to `packets` all packets that are complete with this chunk; also those before a defect that it throws. */
  push(chunk: Uint8Array, packets: CapturedPacket[]): void {
    if (chunk.length === 0) return
    this.input.push(chunk)
    if (this.reader === undefined) {
      if (!this.input.has(4)) return
      this.reader = recognize(this.input, this.maxPacketLength)
    }
    this.reader.read(this.input, packets)
  }

  /** Call when no more chunks come. True if the capture breaks off within a record (and that is allowed). */
  end(): boolean {
    const { input, reader } = this
    if (reader === undefined) {
      const length = input.left
      throw new AnybpfError(
        'ERR_CAPTURE',
        length === 0 ? 'the capture is empty' : `a capture cannot have ${length} bytes`,
      )
    }
    // A reader learns of its first header before it looks at any record.
    const headless = reader.interfaces.length === 0 && reader.format === 'pcap'
    if (input.left === 0 && !headless) return false
    if (this.allowTruncated && !headless) return true
    throw new AnybpfError(
      'ERR_CAPTURE',
      `the ${reader.format} capture breaks off: incomplete record at byte ${input.position}`,
    )
  }
}

/** What is often taken for a capture, by its first bytes (big-endian), and what to do about it. */
const OTHER_FORMATS: readonly (readonly [magic: number, mask: number, what: string])[] = [
  [0x1f8b0000, 0xffff0000, 'gzip-compressed: decompress it first (gunzip)'],
  [0x28b52ffd, 0xffffffff, 'zstd-compressed: decompress it first (zstd -d)'],
  [0x04224d18, 0xffffffff, 'lz4-compressed: decompress it first (lz4 -d)'],
  [0xfd377a58, 0xffffffff, 'xz-compressed: decompress it first (xz -d)'],
  [0x425a6800, 0xffffff00, 'bzip2-compressed: decompress it first (bunzip2)'],
  [0x504b0304, 0xffffffff, 'a zip archive: unpack it first'],
  [0x736e6f6f, 0xffffffff, 'a snoop capture: convert it first (editcap -F pcapng)'],
  [0xa1b2cd34, 0xffffffff, 'a modified pcap (Kuznetzov): convert it first (editcap -F pcapng)'],
  [0x34cdb2a1, 0xffffffff, 'a modified pcap (Kuznetzov): convert it first (editcap -F pcapng)'],
]

function recognize(input: CaptureInput, maxPacketLength: number): CaptureFormatReader {
  const magic = input.view.getUint32(input.at)
  const reader = PcapReader.recognize(magic, maxPacketLength) ?? PcapngReader.recognize(magic, maxPacketLength)
  if (reader !== undefined) return reader
  for (const [value, mask, what] of OTHER_FORMATS) {
    if ((magic & mask) >>> 0 === value) throw new AnybpfError('ERR_CAPTURE', `the capture is ${what}`)
  }
  throw new AnybpfError(
    'ERR_CAPTURE',
    `not a pcap or pcapng capture: it begins with ${magic.toString(16).padStart(8, '0')}`,
  )
}

/** Reads a capture that is in memory as a whole. Errors as {@link CaptureParser}. */
export function parseCapture(bytes: Uint8Array, options: CaptureReadOptions = {}): Capture {
  const parser = new CaptureParser(options)
  const packets: CapturedPacket[] = []
  parser.push(bytes, packets)
  const truncated = parser.end()
  return { format: parser.format!, interfaces: parser.interfaces, packets, truncated }
}

/**
 * Packets of a capture that arrives in chunks, one array for each chunk that completes some. This is the fast way to
 * read long captures: one asynchronous step for a chunk, not for a packet. Errors as {@link CaptureParser}.
 */
export async function* readCaptureBatches(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CaptureReadOptions = {},
): AsyncGenerator<CapturedPacket[], void, undefined> {
  const parser = new CaptureParser(options)
  for await (const chunk of source) {
    const packets: CapturedPacket[] = []
    try {
      parser.push(chunk, packets)
    } catch (error) {
      // What came before the defect is good.
      if (packets.length > 0) yield packets
      throw error
    }
    if (packets.length > 0) yield packets
  }
  parser.end()
}

/** The same packets one by one: `for await (const packet of readCapture(stream))`. */
export async function* readCapture(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CaptureReadOptions = {},
): AsyncGenerator<CapturedPacket, void, undefined> {
  for await (const packets of readCaptureBatches(source, options)) {
    // Not `yield*`, which would wrap the array in one more asynchronous iterator.
    for (const packet of packets) yield packet
  }
}
