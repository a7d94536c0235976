/**
 * XDP programs. Defaults are those of the kernel's test run: the packet arrives on the loopback interface, queue 0.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_XDP/
 * @module
 */
import type { RedirectTarget } from '../helpers/redirect.ts'
import { XDP_HEADROOM, XDP_MD_SIZE, XdpBuffer, type XdpPlace } from '../helpers/xdp-buffer.ts'
import { XDP_MD } from '../spec/contexts/xdp-md.ts'
import { XDP_VERDICTS, type XdpVerdict } from '../spec/verdicts.ts'
import { AnybpfError } from '../util/index.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import { type ContextBatch, PacketBatch, packedBytes, type VisibleBytes } from './batch.ts'
import { ContextCodec, type ContextFields } from './context-fields.ts'
import type { ContextInstance, EntryArguments, RunnableProgramType } from './definition.ts'
import {
  hasContext,
  type PacketBytes,
  type PacketInput,
  type PacketOutput,
  type PacketWithContext,
  packetBytes,
  verdictOf,
} from './input.ts'

export interface XdpInputWithContext extends PacketWithContext {
  /** Bytes that lie before the packet, `data_meta` onwards: a multiple of 4, at most 252. */
  readonly metadata?: Uint8Array
}

export type XdpInput = PacketInput | XdpInputWithContext

export interface XdpOutput extends PacketOutput {
  readonly verdict: XdpVerdict | number
  /** What the program left between `data_meta` and `data`. */
  readonly metadata: Uint8Array
}

const codec = new ContextCodec(XDP_MD, [])
const INGRESS_IFINDEX = 12
const RX_QUEUE_INDEX = 16
const EGRESS_IFINDEX = 20
const LOOPBACK = 1
const XDP_REDIRECT = 4
const METADATA_MAX = 252
const NO_BYTES = new Uint8Array(0)

class XdpContext implements ContextInstance<XdpInput, XdpOutput> {
  readonly context: XdpBuffer
  private readonly machine: Machine
  private readonly entry: EntryArguments

  constructor(machine: Machine) {
    this.machine = machine
    this.context = new XdpBuffer(machine.memory, machine.regions)
    this.entry = { r1: this.context.md, r2: 0 }
  }

  prepare(input: XdpInput): EntryArguments {
    const { packet, metadata, fields } = partsOf(input)
    this.context.reset(packet, metadata)
    writeFields(this.machine.memory, this.context.md, fields)
    return this.entry
  }

  collect(r0: number): XdpOutput {
    const { redirect } = this.context
    return {
      verdict: verdictOf(XDP_VERDICTS, r0) as XdpOutput['verdict'],
      packet: this.context.packet(),
      metadata: this.context.metadata(),
      ...(r0 === XDP_REDIRECT && redirect !== undefined && { redirect }),
    }
  }

  createBatch(): ContextBatch<XdpInput, XdpOutput> {
    return new XdpBatch(this, this.machine)
  }

  dispose(): void {
    this.context.dispose()
  }
}

interface XdpParts {
  readonly packet: Uint8Array
  readonly metadata: Uint8Array
  readonly fields: ContextFields | undefined
}

function partsOf(input: XdpInput): XdpParts {
  if (!hasContext(input)) return { packet: packetBytes(input as PacketBytes), metadata: NO_BYTES, fields: undefined }
  const { packet, metadata = NO_BYTES, context: fields } = input as XdpInputWithContext
  if (metadata.length % 4 !== 0 || metadata.length > METADATA_MAX) {
    throw new AnybpfError('ERR_PACKET', `XDP metadata is a multiple of 4 and at most 252 bytes, not ${metadata.length}`)
  }
  return { packet: packetBytes(packet), metadata, fields }
}

/** The fields of an `xdp_md` that do not follow from the packet. */
function writeFields(memory: GuestMemory, md: GuestAddress, fields: ContextFields | undefined): void {
  const { view } = memory
  view.setUint32(md + INGRESS_IFINDEX, LOOPBACK, true)
  view.setUint32(md + RX_QUEUE_INDEX, 0, true)
  view.setUint32(md + EGRESS_IFINDEX, 0, true)
  if (fields !== undefined) codec.write(memory, md, fields)
}

/** What a run left that is not in its record. */
interface XdpLeft {
  readonly redirect: RedirectTarget | undefined
  /** Of a packet that moved. */
  readonly moved: { readonly packet: Uint8Array; readonly metadata: Uint8Array } | undefined
}

class XdpBatch extends PacketBatch<XdpInput, XdpOutput, XdpPlace, XdpLeft> {
  private readonly instance: XdpContext

  constructor(instance: XdpContext, machine: Machine) {
    super(machine, XDP_MD_SIZE)
    this.instance = instance
  }

  fill(inputs: readonly XdpInput[]): void {
    const { records, packets, machine } = this
    const { memory } = machine
    const all = inputs.map(partsOf)
    packets.ensure(
      all.reduce((sum, { packet, metadata }) => sum + packedBytes(metadata.length) + packedBytes(packet.length), 0),
    )
    records.reserve(all.length)
    let at = packets.start
    this.places = []
    all.forEach(({ packet, metadata, fields }, i) => {
      const data = at + packedBytes(metadata.length)
      memory.u8.set(metadata, data - metadata.length)
      memory.u8.set(packet, data)
      const place = { data, size: packet.length, metadataSize: metadata.length }
      this.places.push(place)
      XdpBuffer.describe(memory, records.context(i), place)
      writeFields(memory, records.context(i), fields)
      at = data + packedBytes(packet.length)
    })
    records.keep()
  }

  protected adopt(index: number): VisibleBytes {
    const xdp = this.instance.context
    xdp.adopt(this.records.context(index), this.places[index]!)
    return { start: xdp.visibleStart, end: xdp.visibleEnd }
  }

  protected takeLeft(): XdpLeft | undefined {
    const xdp = this.instance.context
    const { redirect, hasMoved } = xdp
    if (redirect === undefined && !hasMoved) return undefined
    return { redirect, moved: hasMoved ? { packet: xdp.packet(), metadata: xdp.metadata() } : undefined }
  }

  lengthLeft(index: number): number {
    return this.left.get(index)?.moved?.packet.length ?? this.places[index]!.size
  }

  askedForRedirect(index: number, r0: number): boolean {
    return r0 === XDP_REDIRECT && this.left.get(index)?.redirect !== undefined
  }

  collect(index: number, r0: number): XdpOutput {
    const xdp = this.instance.context
    const left = this.left.get(index)
    xdp.adoptCopy(this.records.context(index), this.places[index]!)
    if (left?.moved !== undefined) xdp.reset(left.moved.packet, left.moved.metadata)
    xdp.redirect = left?.redirect
    return this.instance.collect(r0)
  }
}

/** Bytes before the packet into which `xdp_adjust_head` can grow, less what the frame keeps for itself. */
export { XDP_HEADROOM }

export const XDP_PROGRAM: RunnableProgramType<XdpInput, XdpOutput> = {
  spec: { name: 'xdp', verdicts: XDP_VERDICTS },
  contextBytes: XDP_MD_SIZE,
  createContext: (machine) => new XdpContext(machine),
}
