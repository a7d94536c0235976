/**
 * XDP programs. Defaults are those of the kernel's test run: the packet arrives on the loopback interface, queue 0.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_XDP/
 * @module
 */
import { XDP_HEADROOM, XdpBuffer } from '../helpers/xdp-buffer.ts'
import { XDP_MD } from '../spec/contexts/xdp-md.ts'
import { XDP_PROGRAM_TYPE } from '../spec/program-types.ts'
import { AnybpfError } from '../util/index.ts'
import type { Machine } from '../vm/machine.ts'
import { ContextCodec } from './context-fields.ts'
import type { ContextInstance, EntryArguments, ProgramTypeDefinition } from './definition.ts'
import {
  hasContext,
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
    const detailed = hasContext(input) ? (input as XdpInputWithContext) : undefined
    const metadata = detailed?.metadata
    if (metadata !== undefined && (metadata.length % 4 !== 0 || metadata.length > METADATA_MAX)) {
      throw new AnybpfError(
        'ERR_PACKET',
        `XDP metadata is a multiple of 4 and at most 252 bytes, not ${metadata.length}`,
      )
    }
    this.context.reset(packetBytes(detailed === undefined ? (input as Uint8Array) : detailed.packet), metadata)
    const { md } = this.context
    const { view } = this.machine.memory
    view.setUint32(md + INGRESS_IFINDEX, LOOPBACK, true)
    view.setUint32(md + RX_QUEUE_INDEX, 0, true)
    view.setUint32(md + EGRESS_IFINDEX, 0, true)
    if (detailed?.context !== undefined) codec.write(this.machine.memory, md, detailed.context)
    return this.entry
  }

  collect(r0: number): XdpOutput {
    const { redirect } = this.context
    return {
      verdict: verdictOf(XDP_PROGRAM_TYPE.verdicts, r0),
      packet: this.context.packet(),
      metadata: this.context.metadata(),
      ...(r0 === XDP_REDIRECT && redirect !== undefined && { redirect }),
    }
  }

  dispose(): void {
    this.context.dispose()
  }
}

/** Bytes before the packet into which `xdp_adjust_head` can grow, less what the frame keeps for itself. */
export { XDP_HEADROOM }

export const XDP_PROGRAM: ProgramTypeDefinition<XdpInput, XdpOutput> = {
  spec: XDP_PROGRAM_TYPE,
  createContext: (machine) => new XdpContext(machine),
}
