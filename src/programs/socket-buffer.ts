/**
 * Programs on socket buffers: tc classifiers and actions, socket filters, cgroup filters.
 *
 * Defaults are those of the kernel's test run: the packet was received on the loopback interface (number 1), whose
 * addresses are all zero, and belongs to a socket that has the packet's own addresses. Only tc programs see the link
 * header; where a program does not, the packet that comes out has zeros in its place.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_SCHED_CLS/
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_SOCKET_FILTER/
 * @module
 */
import type { RedirectTarget } from '../helpers/redirect.ts'
import {
  ETHERNET_HEADER,
  SKB,
  SKB_AND_SOCK_SIZE,
  SKB_HEADROOM,
  SocketBuffer,
  type SocketBufferPlace,
  type SocketBufferSnapshot,
} from '../helpers/socket-buffer.ts'
import { SK_BUFF } from '../spec/contexts/sk-buff.ts'
import { TC_VERDICTS, type TcVerdict } from '../spec/verdicts.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import { type ContextBatch, PacketBatch, packedBytes, type VisibleBytes } from './batch.ts'
import { ContextCodec, type FieldValue } from './context-fields.ts'
import type { ContextInstance, EntryArguments, RunnableProgramType } from './definition.ts'
import { hasContext, type PacketInput, type PacketOutput, packetBytes, verdictOf } from './input.ts'

export interface SocketBufferOutput extends PacketOutput {
  readonly verdict: TcVerdict | number
  /** The fields of `__sk_buff` as the program left them, but for addresses. Decoded when it is asked for. */
  readonly context: Readonly<Record<string, FieldValue>>
}

const codec = new ContextCodec(SK_BUFF, ['len'])

const LOOPBACK = 1
const PACKET_MULTICAST = 2
const PACKET_OTHERHOST = 3
const ETH_P_802_3 = 0x0001
const ETH_P_802_2 = 0x0004
const ETH_P_IP = 0x0800
const ETH_P_IPV6 = 0x86dd
/** Smaller values of the type field are lengths (IEEE 802.3). */
const ETHERTYPE_MIN = 0x0600
const AF_INET = 2
const AF_INET6 = 10
const IPV4_HEADER = 20
const IPV6_HEADER = 40
const TC_ACT_REDIRECT = 7

/** Snapshots share blocks of this size: making a small one of its own takes longer than the rest of `collect`. */
const BLOCK_BYTES = 16384

/** Copies that nobody outside sees, cut from larger blocks. */
class Snapshots {
  private block = new Uint8Array(0)
  private used = 0

  take(source: Uint8Array, start: number, size: number): Uint8Array {
    if (this.used + size > this.block.length) {
      this.block = new Uint8Array(BLOCK_BYTES)
      this.used = 0
    }
    const copy = this.block.subarray(this.used, this.used + size)
    copy.set(source.subarray(start, start + size))
    this.used += size
    return copy
  }
}

class SocketBufferContext implements ContextInstance<PacketInput, SocketBufferOutput> {
  readonly context: SocketBuffer
  private readonly machine: Machine
  private readonly spec: RunnableProgramType['spec']
  private readonly seesLink: boolean
  private readonly entry: EntryArguments
  private readonly snapshots = new Snapshots()

  constructor(machine: Machine, spec: RunnableProgramType['spec'], seesLink: boolean) {
    this.machine = machine
    this.spec = spec
    this.seesLink = seesLink
    this.context = new SocketBuffer(machine.memory, machine.regions)
    this.entry = { r1: this.context.md, r2: 0 }
  }

  prepare(input: PacketInput): EntryArguments {
    const packet = packetOf(input)
    this.context.reset(packet, this.pulled(packet))
    this.receive(input, packet)
    return this.entry
  }

  /** As `prepare`, with context and packet in blocks of their own. */
  prepareAt(md: GuestAddress, block: GuestAddress, input: PacketInput): void {
    const packet = packetOf(input)
    this.context.resetAt(md, block, packet, this.pulled(packet))
    this.receive(input, packet)
  }

  private pulled(packet: Uint8Array): number {
    return this.seesLink ? 0 : Math.min(ETHERNET_HEADER, packet.length)
  }

  private receive(input: PacketInput, packet: Uint8Array): void {
    const skb = this.context
    skb.setField(SKB.ifindex, LOOPBACK)
    if (packet.length >= ETHERNET_HEADER) receive(skb, this.machine.memory.u8)
    if (hasContext(input) && input.context !== undefined) codec.write(this.machine.memory, skb.md, input.context)
  }

  /** Bytes before what the program sees that come out with it. */
  get hiddenBytes(): number {
    return this.seesLink ? 0 : ETHERNET_HEADER
  }

  collect(r0: number): SocketBufferOutput {
    const skb = this.context
    // As the kernel's test run does: the link header is pushed back, as zeros.
    if (!this.seesLink) skb.resizeHead(-ETHERNET_HEADER)
    const { redirect } = skb
    return new SocketBufferResult(
      verdictOf(this.spec.verdicts, r0) as SocketBufferOutput['verdict'],
      skb.packet(),
      this.snapshots.take(this.machine.memory.u8, skb.md, SK_BUFF.size),
      this.redirects(r0) ? redirect : undefined,
    )
  }

  /** Whether a return value has the packet sent to where a helper was asked to send it. */
  redirects(r0: number): boolean {
    return r0 === TC_ACT_REDIRECT && this.spec.verdicts?.[TC_ACT_REDIRECT] !== undefined
  }

  createBatch(): ContextBatch<PacketInput, SocketBufferOutput> {
    return new SocketBufferBatch(this, this.machine)
  }

  dispose(): void {
    this.context.dispose()
  }
}

function packetOf(input: PacketInput): Uint8Array {
  return packetBytes(hasContext(input) ? input.packet : input)
}

/** What a run left that is not in its record. */
interface SocketBufferLeft {
  readonly redirect: RedirectTarget | undefined
  /** Of a packet that stayed: what the program sees of it. */
  readonly place: SocketBufferPlace | undefined
  /** Of a packet that moved, or whose headers are no more where they were. */
  readonly moved: SocketBufferSnapshot | undefined
}

class SocketBufferBatch extends PacketBatch<PacketInput, SocketBufferOutput, SocketBufferPlace, SocketBufferLeft> {
  private readonly instance: SocketBufferContext

  constructor(instance: SocketBufferContext, machine: Machine) {
    super(machine, SKB_AND_SOCK_SIZE)
    this.instance = instance
  }

  fill(inputs: readonly PacketInput[]): void {
    const { records, packets, instance, machine } = this
    const sizes = inputs.map((input) => packetOf(input).length)
    packets.ensure(sizes.reduce((sum, size) => sum + packedBytes(SKB_HEADROOM + size), 0))
    records.reserve(inputs.length)
    machine.memory.u8.fill(0, packets.start, packets.start + packets.size)
    let block = packets.start
    this.places = []
    inputs.forEach((input, i) => {
      const size = sizes[i]!
      instance.prepareAt(records.context(i), block, input)
      const { data, length } = instance.context
      this.places.push({ block, size, data, length })
      block += packedBytes(SKB_HEADROOM + size)
    })
    records.keep()
  }

  protected adopt(index: number): VisibleBytes {
    const skb = this.instance.context
    skb.adopt(this.records.context(index), this.places[index]!)
    return { start: skb.data, end: skb.end }
  }

  protected takeLeft(index: number): SocketBufferLeft {
    const skb = this.instance.context
    // A helper may have moved the headers, too, of a packet that stayed.
    const { redirect, data, length } = skb
    const moved = skb.hasMoved ? skb.snapshot() : undefined
    const before = this.places[index]!
    const stayed = data === before.data && length === before.length ? before : { ...before, data, length }
    return { redirect, place: moved === undefined ? stayed : undefined, moved }
  }

  lengthLeft(index: number): number {
    const moved = this.left.get(index)?.moved
    const length = moved === undefined ? this.placeLeft(index).length : moved.bytes.length - moved.data
    return length + this.instance.hiddenBytes
  }

  /** Of a packet that did not move. */
  private placeLeft(index: number): SocketBufferPlace {
    return this.left.get(index)?.place ?? this.places[index]!
  }

  askedForRedirect(index: number, r0: number): boolean {
    return this.instance.redirects(r0) && this.left.get(index)?.redirect !== undefined
  }

  collect(index: number, r0: number): SocketBufferOutput {
    const skb = this.instance.context
    const left = this.left.get(index)
    skb.adoptCopy(this.records.context(index), this.placeLeft(index))
    if (left?.moved !== undefined) skb.restore(left.moved)
    skb.redirect = left?.redirect
    return this.instance.collect(r0)
  }
}

class SocketBufferResult implements SocketBufferOutput {
  readonly verdict: SocketBufferOutput['verdict']
  readonly packet: Uint8Array
  declare readonly redirect?: NonNullable<PacketOutput['redirect']>
  readonly #fields: Uint8Array
  #context: Readonly<Record<string, FieldValue>> | undefined

  constructor(
    verdict: SocketBufferOutput['verdict'],
    packet: Uint8Array,
    fields: Uint8Array,
    redirect: PacketOutput['redirect'] | undefined,
  ) {
    this.verdict = verdict
    this.packet = packet
    this.#fields = fields
    if (redirect !== undefined) this.redirect = redirect
  }

  get context(): Readonly<Record<string, FieldValue>> {
    this.#context ??= codec.read(this.#fields)
    return this.#context
  }
}

/** What the kernel learns from a frame that it receives: protocol, kind of destination, and here the socket's addresses. */
function receive(skb: SocketBuffer, u8: Uint8Array): void {
  const link = skb.linkHeader
  const type = (u8[link + 12]! << 8) | u8[link + 13]!
  const network = skb.networkHeader
  const size = skb.end - network
  if (type >= ETHERTYPE_MIN) skb.protocol = type
  else skb.protocol = size >= 2 && u8[network] === 0xff && u8[network + 1] === 0xff ? ETH_P_802_3 : ETH_P_802_2

  // The broadcast address of the loopback interface is zero like its own, so a frame to all hosts counts as multicast.
  if ((u8[link]! & 1) !== 0) skb.setField(SKB.pktType, PACKET_MULTICAST)
  else if (!isZero(u8, link, 6)) skb.setField(SKB.pktType, PACKET_OTHERHOST)

  if (type === ETH_P_IP && size >= IPV4_HEADER) skb.setSocketAddresses(AF_INET, network + 12, network + 16, 4)
  if (type === ETH_P_IPV6 && size >= IPV6_HEADER) skb.setSocketAddresses(AF_INET6, network + 8, network + 24, 16)
}

function isZero(u8: Uint8Array, start: number, length: number): boolean {
  for (let i = start; i < start + length; i++) if (u8[i] !== 0) return false
  return true
}

function socketBufferProgram(
  spec: RunnableProgramType['spec'],
  options: { readonly seesLink: boolean },
): RunnableProgramType<PacketInput, SocketBufferOutput> {
  return {
    spec,
    contextBytes: SKB_AND_SOCK_SIZE,
    createContext: (machine) => new SocketBufferContext(machine, spec, options.seesLink),
  }
}

/** tc classifiers, attached to a filter or by tcx. */
export const SCHED_CLS_PROGRAM = socketBufferProgram({ name: 'sched_cls', verdicts: TC_VERDICTS }, { seesLink: true })
export const SCHED_ACT_PROGRAM = socketBufferProgram({ name: 'sched_act', verdicts: TC_VERDICTS }, { seesLink: true })
export const SOCKET_FILTER_PROGRAM = socketBufferProgram({ name: 'socket_filter' }, { seesLink: false })
export const CGROUP_SKB_PROGRAM = socketBufferProgram({ name: 'cgroup_skb' }, { seesLink: false })
