/**
 * A packet as programs see it that work on socket buffers: linear data with room before and behind it, described by a
 * `__sk_buff` in guest memory. What the kernel keeps in its own `sk_buff` and shows there is kept there only.
 * @see https://docs.ebpf.io/linux/program-context/__sk_buff/
 * @module
 */
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import type { PacketSource } from '../vm/machine.ts'
import type { RegionSet } from '../vm/regions.ts'
import { GuestBuffer } from './guest-buffer.ts'
import type { RedirectTarget } from './redirect.ts'

/** Offsets of the fields of `__sk_buff` that the runtime sets itself. */
export const SKB = {
  len: 0,
  pktType: 4,
  protocol: 16,
  vlanPresent: 20,
  vlanTci: 24,
  vlanProto: 28,
  ifindex: 40,
  hash: 68,
  data: 76,
  dataEnd: 80,
  family: 88,
  remoteIp4: 92,
  localIp4: 96,
  remoteIp6: 100,
  localIp6: 116,
  dataMeta: 140,
  sk: 168,
  tstamp: 152,
  tstampType: 180,
} as const

export const SKB_SIZE = 192

/** Offsets of the fields of `bpf_sock` that follow from the packet. */
const SOCK_FAMILY = 4
const SOCK_SRC_IP4 = 24
const SOCK_SRC_IP6 = 28
const SOCK_DST_IP4 = 52
const SOCK_DST_IP6 = 56
const SOCK_RX_QUEUE_MAPPING = 76
/** Of the `__sk_buff` and the `bpf_sock` behind it. */
export const SKB_AND_SOCK_SIZE = SKB_SIZE + 80

export const ETHERNET_HEADER = 14
/** NET_SKB_PAD: what there is before the packet at first. */
export const SKB_HEADROOM = 64
const TAILROOM = 64

/** SKF_NET_OFF and SKF_LL_OFF: offsets of LD_ABS from here count from the network and the link header. */
const NET_OFFSET = -0x100000
const LINK_OFFSET = -0x200000

/** A packet that was taken out of memory. Offsets count from the first byte. */
export interface SocketBufferSnapshot {
  readonly bytes: Uint8Array
  readonly link: number
  readonly network: number
  readonly data: number
}

/** A packet in a block of its own, and what of it the program sees. */
export interface SocketBufferPlace {
  readonly block: GuestAddress
  /** Of the whole packet. */
  readonly size: number
  readonly data: GuestAddress
  readonly length: number
}

export class SocketBuffer implements PacketSource {
  /** Address of the `__sk_buff`. */
  md: GuestAddress
  /** Where `redirect` sent the packet in this run. */
  redirect: RedirectTarget | undefined
  /** First byte of the packet as the program sees it. */
  data: GuestAddress = 0
  length = 0
  linkHeader: GuestAddress = 0
  networkHeader: GuestAddress = 0
  private readonly memory: GuestMemory
  private readonly regions: RegionSet
  private readonly buffer: GuestBuffer
  /** Lowest byte of the block in which the packet lies. */
  private lowest: GuestAddress = 0
  /** The packet lies somewhere else, packed among others, where it cannot grow. */
  private packed = false
  private readonly ownMd: GuestAddress

  constructor(memory: GuestMemory, regions: RegionSet) {
    this.memory = memory
    this.regions = regions
    this.ownMd = this.md = memory.allocate(SKB_AND_SOCK_SIZE)
    regions.add({ start: this.md, end: this.socket, writable: true, name: 'context' })
    regions.add({ start: this.socket, end: this.md + SKB_AND_SOCK_SIZE, writable: false, name: 'socket' })
    this.buffer = new GuestBuffer(memory, regions, 'packet', { writable: true })
  }

  /**
   * Lays a packet out, from its link header on, with a clean `__sk_buff` and socket. The program's packet starts `pull`
   * bytes into it, and the network header lies behind the Ethernet header.
   */
  reset(packet: Uint8Array, pull: number): void {
    const { buffer } = this
    buffer.ensure(SKB_HEADROOM + packet.length + TAILROOM)
    this.packed = false
    this.layOut(buffer.start, packet, pull)
  }

  /** Address of the `bpf_sock` to which the packet belongs. */
  get socket(): GuestAddress {
    return this.md + SKB_SIZE
  }

  /** As `reset`, with `__sk_buff`, socket and packet in blocks of their own, where the packet cannot grow: it moves before it does. */
  resetAt(md: GuestAddress, block: GuestAddress, packet: Uint8Array, pull: number): void {
    this.md = md
    this.packed = true
    this.layOut(block, packet, pull)
  }

  private layOut(block: GuestAddress, packet: Uint8Array, pull: number): void {
    const { memory } = this
    const start = block + SKB_HEADROOM
    this.lowest = block
    memory.u8.set(packet, start)
    this.linkHeader = start
    this.networkHeader = start + Math.min(ETHERNET_HEADER, packet.length)
    this.data = start + pull
    this.length = packet.length - pull
    this.redirect = undefined
    memory.u8.fill(0, this.md, this.md + SKB_AND_SOCK_SIZE)
    memory.view.setInt32(this.socket + SOCK_RX_QUEUE_MAPPING, -1, true)
    memory.view.setUint32(this.md + SKB.sk, this.socket, true)
    this.publish()
  }

  /**
   * Takes up a packet that `resetAt` has laid out. What its `__sk_buff` says is not asked for: a program that nobody verified may
   * have written it.
   */
  adopt(md: GuestAddress, { block, size, data, length }: SocketBufferPlace): void {
    this.md = md
    this.lowest = block
    this.linkHeader = block + SKB_HEADROOM
    this.networkHeader = this.linkHeader + Math.min(ETHERNET_HEADER, size)
    this.data = data
    this.length = length
    this.redirect = undefined
    this.packed = true
  }

  /** As `adopt`, but of a copy of the `__sk_buff`, which stays as it is whatever happens next. */
  adoptCopy(md: GuestAddress, place: SocketBufferPlace): void {
    this.memory.u8.copyWithin(this.ownMd, md, md + SKB_AND_SOCK_SIZE)
    this.adopt(this.ownMd, place)
  }

  /** Whether what was adopted has moved into a buffer where it can grow. */
  get hasMoved(): boolean {
    return !this.packed
  }

  /** A copy of everything from the link header on, and where the headers and the packet begin in it. */
  snapshot(): SocketBufferSnapshot {
    const start = Math.min(this.linkHeader, this.data)
    return {
      bytes: this.memory.u8.slice(start, this.end),
      link: this.linkHeader - start,
      network: this.networkHeader - start,
      data: this.data - start,
    }
  }

  /** Lays out what a snapshot holds; `__sk_buff` is left to the caller, but for the addresses. */
  restore({ bytes, link, network, data }: SocketBufferSnapshot): void {
    const { buffer } = this
    buffer.ensure(SKB_HEADROOM + bytes.length + TAILROOM)
    const start = buffer.start + SKB_HEADROOM
    this.packed = false
    this.lowest = buffer.start
    this.memory.u8.set(bytes, start)
    this.linkHeader = start + link
    this.networkHeader = start + network
    this.data = start + data
    this.length = bytes.length - data
    this.publish()
  }

  get end(): GuestAddress {
    return this.data + this.length
  }

  getField(offset: number): number {
    return this.memory.view.getUint32(this.md + offset, true)
  }

  setField(offset: number, value: number): void {
    this.memory.view.setUint32(this.md + offset, value, true)
  }

  /** EtherType, as a number (`0x0800`); the context has it in network order. */
  get protocol(): number {
    return this.memory.view.getUint16(this.md + SKB.protocol, false)
  }

  set protocol(value: number) {
    this.memory.view.setUint16(this.md + SKB.protocol, value, false)
  }

  /** Makes the socket one of these addresses, as they stand in an IP header: 4 or 16 bytes each, at guest addresses. */
  setSocketAddresses(family: number, source: GuestAddress, destination: GuestAddress, size: 4 | 16): void {
    const { u8, view } = this.memory
    view.setUint32(this.socket + SOCK_FAMILY, family, true)
    this.setField(SKB.family, family)
    u8.copyWithin(this.socket + (size === 4 ? SOCK_SRC_IP4 : SOCK_SRC_IP6), source, source + size)
    u8.copyWithin(this.socket + (size === 4 ? SOCK_DST_IP4 : SOCK_DST_IP6), destination, destination + size)
    u8.copyWithin(this.md + (size === 4 ? SKB.localIp4 : SKB.localIp6), source, source + size)
    u8.copyWithin(this.md + (size === 4 ? SKB.remoteIp4 : SKB.remoteIp6), destination, destination + size)
  }

  /** A copy of the packet as it is now. */
  packet(): Uint8Array {
    return this.memory.u8.slice(this.data, this.end)
  }

  /** Address of `[offset, offset + length)` of the packet, or 0 if it does not lie inside. */
  at(offset: number, length: number): GuestAddress {
    return offset + length <= this.length ? this.data + offset : 0
  }

  /** Adds `count` zero bytes at the end, or removes -`count`. */
  resizeTail(count: number): void {
    const end = this.end
    if (count > 0) {
      this.makeRoom(0, count)
      this.memory.u8.fill(0, this.end, this.end + count)
    } else this.memory.u8.fill(0, end + count, end)
    this.length += count
    this.publish()
  }

  /** Moves the start of the packet `count` bytes forwards (shorter) or, if negative, backwards, over zero bytes. */
  resizeHead(count: number): void {
    if (count < 0) {
      this.makeRoom(-count, 0)
      this.memory.u8.fill(0, this.data + count, this.data)
    }
    this.data += count
    this.length -= count
    this.publish()
  }

  /**
   * Inserts `count` zero bytes at `offset`, or removes -`count` bytes there. What is before moves, what is behind stays:
   * addresses of headers before `offset` are the caller's to move.
   */
  resizeAt(offset: number, count: number): void {
    if (count > 0) {
      this.resizeHead(-count)
      this.memory.u8.copyWithin(this.data, this.data + count, this.data + count + offset)
      this.memory.u8.fill(0, this.data + offset, this.data + offset + count)
    } else {
      this.memory.u8.copyWithin(this.data - count, this.data, this.data + offset)
      this.resizeHead(-count)
    }
  }

  /** LD_ABS and LD_IND. @see https://docs.kernel.org/networking/filter.html */
  loadPacket(offset: number, size: number): number {
    let at = this.data + offset
    if (offset < 0) {
      if (offset >= NET_OFFSET) at = this.networkHeader + offset - NET_OFFSET
      else if (offset >= LINK_OFFSET) at = this.linkHeader + offset - LINK_OFFSET
      else return -1
    }
    if (at < this.lowest || at + size > this.end) return -1
    const { view } = this.memory
    if (size === 4) return view.getUint32(at, false)
    return size === 2 ? view.getUint16(at, false) : view.getUint8(at)
  }

  /** Tells the program, through `__sk_buff`, and the checks where the packet is. */
  publish(): void {
    const { view } = this.memory
    view.setUint32(this.md + SKB.len, this.length, true)
    view.setUint32(this.md + SKB.data, this.data, true)
    view.setUint32(this.md + SKB.dataEnd, this.end, true)
    view.setUint32(this.md + SKB.dataMeta, this.data, true)
    this.buffer.visibleStart = this.data
    this.buffer.visibleEnd = this.end
  }

  dispose(): void {
    this.buffer.dispose()
    this.regions.remove(this.ownMd)
    this.regions.remove(this.ownMd + SKB_SIZE)
    this.memory.free(this.ownMd)
  }

  /** Sees to it that so many bytes lie free before and behind the packet; the packet may move. */
  private makeRoom(before: number, behind: number): void {
    const { buffer, memory } = this
    if (this.packed) {
      if (before > 0 || behind > 0) this.unpack(before, behind)
      return
    }
    if (before <= this.data - buffer.start && this.end + behind <= buffer.start + buffer.size) return
    const bytes = memory.u8.slice(buffer.start, this.end)
    const shift = before + SKB_HEADROOM
    const old = buffer.start
    if (!buffer.ensure(shift + bytes.length + behind + TAILROOM)) memory.u8.fill(0, buffer.start, buffer.start + shift)
    memory.u8.set(bytes, buffer.start + shift)
    this.lowest = buffer.start
    this.move(buffer.start + shift - old)
  }

  /** Moves the packet to where it can grow by so many bytes. */
  private unpack(before: number, behind: number): void {
    const { buffer, memory, lowest } = this
    const bytes = memory.u8.slice(lowest, this.end)
    if (!buffer.ensure(before + bytes.length + behind + TAILROOM))
      memory.u8.fill(0, buffer.start, buffer.start + before)
    memory.u8.set(bytes, buffer.start + before)
    this.packed = false
    this.lowest = buffer.start
    this.move(buffer.start + before - lowest)
  }

  private move(bytes: number): void {
    this.data += bytes
    this.linkHeader += bytes
    this.networkHeader += bytes
  }
}
