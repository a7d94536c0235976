/**
 * Writing captures: classic pcap or pcapng, little-endian, a chunk of bytes for each packet.
 * @see https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/
 * @see https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/
 * @module
 */
import { AnybpfError, type ByteOrder, concatBytes, encodeUtf8 } from '../util/index.ts'
import { type CaptureFormat, type CaptureInterface, DEFAULT_MAX_PACKET_LENGTH } from './capture.ts'
import {
  PCAP_FILE_HEADER_LENGTH,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_HEADER_LENGTH,
} from './pcap.ts'
import { PCAPNG_BLOCK, PCAPNG_BYTE_ORDER_MAGIC, PCAPNG_OPTION } from './pcapng.ts'
import { LINK_TYPE } from './protocols.ts'

/** A packet to write. What the readers give can be written as it is. */
export interface PacketToWrite {
  readonly data: Uint8Array
  /** Default: the length of `data`. */
  readonly originalLength?: number
  /** Nanoseconds since 1970-01-01 UTC; default 0. */
  readonly timestampNs?: bigint
  /** Default: the writer's. pcapng describes each interface before its first packet. */
  readonly interface?: CaptureInterface
}

export interface PcapWriterOptions {
  /** Default `pcap`, which every tool reads. */
  readonly format?: CaptureFormat
  /** Keep nanoseconds; default false, microseconds, rounded down. */
  readonly nanoseconds?: boolean
  /** What packets begin with; default Ethernet. */
  readonly linkType?: number
  /** Stated, not enforced; default 262144. */
  readonly snapLength?: number
  /** Default `little`. */
  readonly byteOrder?: ByteOrder
  /** Written to pcapng's interface description. */
  readonly interfaceName?: string
}

/** Makes the bytes of a capture, piece by piece, in the order of the calls: `header()` once, then the packets. */
export interface PcapWriter {
  readonly format: CaptureFormat
  header(): Uint8Array
  /** A chunk of its own for each packet. ERR_CAPTURE if the format cannot hold it. */
  packet(packet: PacketToWrite): Uint8Array
}

export function createPcapWriter(options: PcapWriterOptions = {}): PcapWriter {
  const written: Required<Omit<PcapWriterOptions, 'format' | 'interfaceName'>> = {
    nanoseconds: options.nanoseconds ?? false,
    linkType: options.linkType ?? LINK_TYPE.ethernet,
    snapLength: options.snapLength ?? DEFAULT_MAX_PACKET_LENGTH,
    byteOrder: options.byteOrder ?? 'little',
  }
  checkField(written.linkType, 0xffff, 'link type')
  checkField(written.snapLength, 0xffffffff, 'snap length')
  const { snapLength, linkType } = written
  if (options.format !== 'pcapng') return new ClassicWriter(written)
  const main: CaptureInterface = {
    index: 0,
    linkType,
    snapLength,
    ...(options.interfaceName !== undefined && { name: options.interfaceName }),
  }
  return new PcapngWriter(written, main)
}

/** A whole capture in memory. */
export function writeCapture(packets: Iterable<PacketToWrite>, options: PcapWriterOptions = {}): Uint8Array {
  const writer = createPcapWriter(options)
  const parts = [writer.header()]
  for (const packet of packets) parts.push(writer.packet(packet))
  return concatBytes(parts)
}

type WrittenOptions = Required<Omit<PcapWriterOptions, 'format' | 'interfaceName'>>

class ClassicWriter implements PcapWriter {
  readonly format = 'pcap'
  private readonly options: WrittenOptions

  constructor(options: WrittenOptions) {
    this.options = options
  }

  header(): Uint8Array {
    const { nanoseconds, snapLength, linkType, byteOrder } = this.options
    const little = byteOrder === 'little'
    const bytes = new Uint8Array(PCAP_FILE_HEADER_LENGTH)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, nanoseconds ? PCAP_MAGIC_NANOSECONDS : PCAP_MAGIC_MICROSECONDS, little)
    view.setUint16(4, 2, little)
    view.setUint16(6, 4, little)
    view.setUint32(16, snapLength, little)
    view.setUint32(20, linkType, little)
    return bytes
  }

  packet({ data, originalLength = data.length, timestampNs = 0n, interface: from }: PacketToWrite): Uint8Array {
    const { nanoseconds, linkType, byteOrder } = this.options
    if (from !== undefined && from.linkType !== linkType) {
      throw new AnybpfError(
        'ERR_CAPTURE',
        `a pcap capture has one link type, ${linkType}: no room for a packet of link type ${from.linkType}`,
      )
    }
    checkField(originalLength, 0xffffffff, 'original length')
    const seconds = timestampNs / 1_000_000_000n
    if (timestampNs < 0n || seconds > 0xffffffffn) {
      throw new AnybpfError('ERR_CAPTURE', `a pcap capture has no room for the time ${timestampNs} ns`)
    }
    const fraction = Number(timestampNs % 1_000_000_000n)
    const little = byteOrder === 'little'
    const bytes = new Uint8Array(PCAP_RECORD_HEADER_LENGTH + data.length)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, Number(seconds), little)
    view.setUint32(4, nanoseconds ? fraction : Math.floor(fraction / 1000), little)
    view.setUint32(8, data.length, little)
    view.setUint32(12, originalLength, little)
    bytes.set(data, PCAP_RECORD_HEADER_LENGTH)
    return bytes
  }
}

class PcapngWriter implements PcapWriter {
  readonly format = 'pcapng'
  private readonly options: WrittenOptions
  private readonly main: CaptureInterface
  private readonly little: boolean
  private readonly ids = new Map<CaptureInterface, number>()

  constructor(options: WrittenOptions, main: CaptureInterface) {
    this.options = options
    this.main = main
    this.little = options.byteOrder === 'little'
  }

  header(): Uint8Array {
    const { little } = this
    return block(PCAPNG_BLOCK.sectionHeader, 16, little, (view) => {
      view.setUint32(8, PCAPNG_BYTE_ORDER_MAGIC, little)
      view.setUint16(12, 1, little)
      view.setUint16(14, 0, little)
      view.setBigInt64(16, -1n, little) // length of the section: not told
    })
  }

  packet({ data, originalLength = data.length, timestampNs = 0n, interface: from }: PacketToWrite): Uint8Array {
    const { little } = this
    checkField(originalLength, 0xffffffff, 'original length')
    if (timestampNs < 0n || timestampNs > 0xffffffffffffffffn) {
      throw new AnybpfError('ERR_CAPTURE', `a pcapng capture has no room for the time ${timestampNs} ns`)
    }
    const origin = from ?? this.main
    const known = this.ids.get(origin)
    const id = known ?? this.ids.size
    const units = this.options.nanoseconds ? timestampNs : timestampNs / 1000n
    const packet = block(PCAPNG_BLOCK.enhancedPacket, 20 + padded(data.length), little, (view, bytes) => {
      view.setUint32(8, id, little)
      view.setUint32(12, Number(units >> 32n), little)
      view.setUint32(16, Number(units & 0xffffffffn), little)
      view.setUint32(20, data.length, little)
      view.setUint32(24, originalLength, little)
      bytes.set(data, 28)
    })
    if (known !== undefined) return packet
    this.ids.set(origin, id)
    return concatBytes([this.description(origin), packet])
  }

  private description({ linkType, snapLength, name, description }: CaptureInterface): Uint8Array {
    const { little } = this
    const options: [code: number, value: Uint8Array][] = []
    if (name !== undefined) options.push([PCAPNG_OPTION.interfaceName, encodeUtf8(name)])
    if (description !== undefined) options.push([PCAPNG_OPTION.interfaceDescription, encodeUtf8(description)])
    options.push([PCAPNG_OPTION.timestampResolution, Uint8Array.of(this.options.nanoseconds ? 9 : 6)])
    const size = options.reduce((sum, [, value]) => sum + 4 + padded(value.length), 4)
    return block(PCAPNG_BLOCK.interfaceDescription, 8 + size, little, (view, bytes) => {
      view.setUint16(8, linkType, little)
      view.setUint32(12, snapLength, little)
      let at = 16
      for (const [code, value] of options) {
        checkField(value.length, 0xffff, 'length of an interface option')
        view.setUint16(at, code, little)
        view.setUint16(at + 2, value.length, little)
        bytes.set(value, at + 4)
        at += 4 + padded(value.length)
      }
    })
  }
}

function block(
  type: number,
  bodyLength: number,
  little: boolean,
  fill: (view: DataView, bytes: Uint8Array) => void,
): Uint8Array {
  const bytes = new Uint8Array(12 + bodyLength)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, little)
  view.setUint32(4, bytes.length, little)
  view.setUint32(bytes.length - 4, bytes.length, little)
  fill(view, bytes)
  return bytes
}

function padded(length: number): number {
  return (length + 3) & ~3
}

function checkField(value: number, max: number, what: string): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= max)) {
    throw new AnybpfError('ERR_CAPTURE', `the ${what} of a capture cannot be ${value}`)
  }
}
