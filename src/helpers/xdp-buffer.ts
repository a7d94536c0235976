/**
 * A packet as XDP programs see it: a frame with room before and behind the packet, described by an `xdp_md`.
 *
 * ```
 * frame                                                                       frame + size
 * | xdp_frame | headroom | metadata | packet | tailroom        | skb_shared_info |
 *   40 bytes              ^data_meta ^data    ^data_end                320 bytes
 * ```
 * The two reserved areas hold nothing here; that programs cannot grow into them is part of what XDP is.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_XDP/
 * @module
 */
import { EACCES, EINVAL } from '../spec/errno.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import type { RegionSet } from '../vm/regions.ts'
import { GuestBuffer } from './guest-buffer.ts'
import type { RedirectTarget } from './redirect.ts'

/** XDP_PACKET_HEADROOM. */
export const XDP_HEADROOM = 256
/** `sizeof(struct xdp_frame)`, at the start of every frame. */
const FRAME_HEADER = 40
/** `struct skb_shared_info`, rounded up to a cache line, at the end of every frame. */
const FRAME_TRAILER = 320
/** Drivers, and the kernel's test run, put a packet into one page. */
const PAGE = 4096
const ETHERNET_HEADER = 14
const METADATA_MAX = 252

// Offsets in xdp_md.
const DATA = 0
const DATA_END = 4
const DATA_META = 8
export const XDP_MD_SIZE = 24

const NO_BYTES = new Uint8Array(0)

/** Where a packet was laid out, and the metadata before it. Sizes in bytes. */
export interface XdpPlace {
  readonly data: GuestAddress
  readonly size: number
  readonly metadataSize: number
}

export class XdpBuffer {
  /** Address of the `xdp_md`. */
  md: GuestAddress
  /** Where `redirect` sent the packet in this run. */
  redirect: RedirectTarget | undefined
  private readonly memory: GuestMemory
  private readonly regions: RegionSet
  private readonly frame: GuestBuffer
  private data: GuestAddress = 0
  private dataEnd: GuestAddress = 0
  private dataMeta: GuestAddress = 0
  /** How far the packet can grow. */
  private tailLimit: GuestAddress = 0
  /** All bytes of the frame outside of [touchedStart, touchedEnd) are zero. */
  private touchedStart: GuestAddress = 0
  private touchedEnd: GuestAddress = 0
  /** The packet lies somewhere else, packed among others, where it cannot grow. */
  private packed = false
  private readonly ownMd: GuestAddress

  constructor(memory: GuestMemory, regions: RegionSet) {
    this.memory = memory
    this.regions = regions
    this.ownMd = this.md = memory.allocate(XDP_MD_SIZE)
    regions.add({ start: this.md, end: this.md + XDP_MD_SIZE, writable: false, name: 'context' })
    this.frame = new GuestBuffer(memory, regions, 'packet', { writable: true })
  }

  /** Writes into an `xdp_md` where a packet is. */
  static describe({ view }: GuestMemory, md: GuestAddress, { data, size, metadataSize }: XdpPlace): void {
    view.setUint32(md + DATA, data, true)
    view.setUint32(md + DATA_END, data + size, true)
    view.setUint32(md + DATA_META, data - metadataSize, true)
  }

  /** Bounds of what programs may touch: metadata and packet. */
  get visibleStart(): GuestAddress {
    return this.dataMeta
  }

  get visibleEnd(): GuestAddress {
    return this.dataEnd
  }

  get packetLength(): number {
    return this.dataEnd - this.data
  }

  /** Lays a packet out in a clean frame: of one page, or larger if the packet needs it. */
  reset(packet: Uint8Array, metadata?: Uint8Array): void {
    this.layOut(packet, metadata)
    this.redirect = undefined
  }

  /**
   * Takes up an `xdp_md`, and the packet that was laid out for it. The packet moves into the frame of this buffer before its bounds
   * change. What the `xdp_md` says is not asked for: a program that nobody verified may have written it.
   */
  adopt(md: GuestAddress, { data, size, metadataSize }: XdpPlace): void {
    this.md = md
    this.data = data
    this.dataEnd = data + size
    this.dataMeta = data - metadataSize
    this.redirect = undefined
    this.packed = true
  }

  /** As `adopt`, but of a copy of the `xdp_md`, which stays as it is whatever happens next. */
  adoptCopy(md: GuestAddress, place: XdpPlace): void {
    this.memory.u8.copyWithin(this.ownMd, md, md + XDP_MD_SIZE)
    this.adopt(this.ownMd, place)
  }

  /** Whether what was adopted has moved into the frame. */
  get hasMoved(): boolean {
    return !this.packed
  }

  private layOut(packet: Uint8Array, metadata: Uint8Array | undefined): void {
    const { frame, memory } = this
    this.packed = false
    const size = Math.max(PAGE, XDP_HEADROOM + ((packet.length + 63) & ~63) + FRAME_TRAILER)
    const moved = frame.ensure(size)
    if (!moved) memory.u8.fill(0, this.touchedStart, this.touchedEnd)
    this.tailLimit = frame.start + size - FRAME_TRAILER
    this.data = frame.start + XDP_HEADROOM
    this.dataEnd = this.data + packet.length
    this.dataMeta = this.data - (metadata?.length ?? 0)
    memory.u8.set(packet, this.data)
    if (metadata !== undefined) memory.u8.set(metadata, this.dataMeta)
    this.touchedStart = this.dataMeta
    this.touchedEnd = this.dataEnd
    this.publish()
  }

  /** A copy of the packet as it is now. */
  packet(): Uint8Array {
    return this.memory.u8.slice(this.data, this.dataEnd)
  }

  /** A copy of the metadata as it is now. */
  metadata(): Uint8Array {
    return this.dataMeta === this.data ? NO_BYTES : this.memory.u8.slice(this.dataMeta, this.data)
  }

  /** Address of `[offset, offset + length)` of the packet, or 0 if it does not lie inside. */
  at(offset: number, length: number): GuestAddress {
    return offset + length <= this.packetLength ? this.data + offset : 0
  }

  /** Moves the start of the packet by `delta`, and the metadata with it: 0 or -EINVAL. */
  adjustHead(delta: number): number {
    this.unpack()
    const metaLength = this.data - this.dataMeta
    const data = this.data + delta
    if (data < this.frame.start + FRAME_HEADER + metaLength || data > this.dataEnd - ETHERNET_HEADER) return -EINVAL
    const meta = this.dataMeta + delta
    if (metaLength > 0) this.memory.u8.copyWithin(meta, this.dataMeta, this.data)
    this.data = data
    this.dataMeta = meta
    this.publish()
    return 0
  }

  /** Moves the end of the packet by `delta`; new bytes are zero: 0 or -EINVAL. */
  adjustTail(delta: number): number {
    this.unpack()
    const end = this.dataEnd + delta
    if (end > this.tailLimit || end < this.data + ETHERNET_HEADER) return -EINVAL
    if (delta > 0) this.memory.u8.fill(0, this.dataEnd, end)
    this.dataEnd = end
    this.publish()
    return 0
  }

  /** Moves the start of the metadata by `delta`: 0, -EINVAL (no room) or -EACCES (not a multiple of 4, or too long). */
  adjustMeta(delta: number): number {
    this.unpack()
    const meta = this.dataMeta + delta
    if (meta < this.frame.start + FRAME_HEADER || meta > this.data) return -EINVAL
    const length = this.data - meta
    if (length % 4 !== 0 || length > METADATA_MAX) return -EACCES
    this.dataMeta = meta
    this.publish()
    return 0
  }

  dispose(): void {
    this.frame.dispose()
    this.regions.remove(this.ownMd)
    this.memory.free(this.ownMd)
  }

  private unpack(): void {
    if (this.packed) this.layOut(this.packet(), this.metadata())
  }

  /** Tells the program, through `xdp_md`, and the checks where the packet is. */
  private publish(): void {
    const { data, dataEnd, dataMeta } = this
    XdpBuffer.describe(this.memory, this.md, { data, size: dataEnd - data, metadataSize: data - dataMeta })
    this.frame.visibleStart = this.dataMeta
    this.frame.visibleEnd = this.dataEnd
    if (this.dataMeta < this.touchedStart) this.touchedStart = this.dataMeta
    if (this.dataEnd > this.touchedEnd) this.touchedEnd = this.dataEnd
  }
}
