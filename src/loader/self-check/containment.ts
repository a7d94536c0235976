/**
 * Whether the state of a running machine lies within an abstract state of the verifier: every live register, every byte
 * of stack, and what the state says of their relations, all at once.
 *
 * Two strengths. Of a verification that pruned strictly everything must hold. Of a plain one, scalars that do not
 * matter may differ: held are pointers in registers, and scalars that a checkpoint has marked precise.
 * @module
 */
import { truncate } from '../../verifier/domain/extend.ts'
import type { RecordedState, VerifiedFacts } from '../../verifier/facts/recorded-states.ts'
import { regText } from '../../verifier/report/linux-state.ts'
import {
  ADD_CONST,
  ADD_CONST_32,
  AT_PACKET_END,
  BEYOND_PACKET_END,
  type Frame,
  type Reg,
  type StackSlot,
} from '../../verifier/state.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  maybeNull,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  STACK_SPILL,
  STACK_ZERO,
} from '../../verifier/types.ts'
import { FUNCTION_TAG, type VirtualCpu } from '../../vm/index.ts'
import type { GuestObjects } from './guest-objects.ts'
import { brokenBounds, hex64, scalarContains } from './values.ts'

/** Words of one frame's registers: r0 to r10. */
export const FRAME_WORDS = 22

/** Where the frames of the running program are, by depth of call. */
export interface ConcreteFrames {
  /** Of frames that have called: their registers, `FRAME_WORDS` words by depth. */
  readonly saved: Int32Array
}

/** Map types whose values are not bytes: what a look-up gives is a socket. Numbers of the Linux platform. */
const OBJECT_MAPS: ReadonlySet<number> = new Set([15, 17, 18])

// Kinds of links: ids of scalars, of pointers that may be NULL, of packet pointers. Ids count up over all of them.
const LINK_SCALAR = 0
const LINK_NULL = 1
const LINK_PACKET = 2

export class Containment {
  private readonly cpu: VirtualCpu
  private readonly objects: GuestObjects
  private readonly frames: ConcreteFrames
  private facts!: VerifiedFacts
  /** Depth of the frame that is number 0 in the abstract state. */
  private rootDepth = 1
  // What ids stand for in the state at hand: the number that all with the id are equal to, less their distance.
  private linkCount = 0
  private readonly linkIds = new Int32Array(128)
  private readonly linkLow = new Int32Array(128)
  private readonly linkHigh = new Int32Array(128)
  /** The upper half is known. */
  private readonly linkWide = new Uint8Array(128)
  /** Why the last state did not hold. */
  failure = ''
  private explaining = false

  constructor(cpu: VirtualCpu, objects: GuestObjects, frames: ConcreteFrames) {
    this.cpu = cpu
    this.objects = objects
    this.frames = frames
  }

  /** The machine, at instruction `slot`, is in `recorded`, whose frame 0 is that at `rootDepth`. */
  holds(facts: VerifiedFacts, recorded: RecordedState, slot: number, rootDepth: number): boolean {
    this.facts = facts
    this.rootDepth = rootDepth
    this.linkCount = 0
    const { frames } = recorded
    for (let i = frames.length - 1; i >= 0; i--) {
      const at = i === frames.length - 1 ? slot : frames[i + 1]!.callsite
      const live = facts.env.liveRegisters[at]!
      const precise = facts.strict ? -1 : (recorded.checkpoint?.precise?.[i]?.regs ?? 0)
      if (!this.registersHold(frames[i]!, i, live, precise)) return false
      if (facts.strict && !this.stackHolds(frames[i]!, i)) return false
    }
    return true
  }

  /** As `holds`, and tells in `failure` what does not. */
  explain(facts: VerifiedFacts, recorded: RecordedState, slot: number, rootDepth: number): boolean {
    this.explaining = true
    this.failure = ''
    try {
      return this.holds(facts, recorded, slot, rootDepth)
    } finally {
      this.explaining = false
    }
  }

  private registersHold(frame: Frame, frameno: number, live: number, precise: number): boolean {
    const { cpu } = this
    const depth = this.rootDepth + frameno
    const current = depth === cpu.depth
    const words = current ? cpu.registers : this.frames.saved
    const base = current ? 0 : depth * FRAME_WORDS
    const { regs } = frame
    for (let i = 0; i < 11; i++) {
      if (((live >>> i) & 1) === 0) continue
      const reg = regs[i]!
      if (reg.type === SCALAR_VALUE && ((precise >>> i) & 1) === 0) continue
      const low = words[base + 2 * i]!
      const high = words[base + 2 * i + 1]!
      if (this.regHolds(reg, low, high)) continue
      if (this.explaining) this.failure = `${frameText(frameno)}R${i}=${this.difference(reg, low, high, frameno)}`
      return false
    }
    return true
  }

  private stackHolds(frame: Frame, frameno: number): boolean {
    const { stack } = frame
    const top = this.cpu.frameTop(this.rootDepth + frameno)
    for (let i = 0; i < stack.length; i++) {
      const slot = stack[i]!
      if (slot.bytes === 0) continue
      const address = top - 8 * (i + 1)
      if (this.slotHolds(slot, address)) continue
      if (this.explaining) this.failure = this.slotDifference(slot, address, frameno, i)
      return false
    }
    return true
  }

  private slotHolds(slot: StackSlot, address: number): boolean {
    const { view, u8 } = this.cpu.memory
    const spilled = slot.isSpill ? spillSize(slot) : 0
    for (let i = spilled; i < 8; i++) if (slot.byte(i) === STACK_ZERO && u8[address + i] !== 0) return false
    if (spilled === 0) return true
    const { reg } = slot
    if (spilled === 8) return this.regHolds(reg, view.getInt32(address, true), view.getInt32(address + 4, true))
    if (reg.type !== SCALAR_VALUE || (spilled !== 1 && spilled !== 2 && spilled !== 4)) return true
    // Of a register that did not fit, the low bytes were stored; what is said is said of all of it.
    const low = spilled === 4 ? view.getInt32(address, true) : readSmall(view, address, spilled)
    if (!scalarContains(truncate(reg.scalar, spilled), low, 0)) return false
    return reg.id === 0 || this.scalarLinked(reg, low, 0)
  }

  /** The value with these halves is one that `reg` stands for. */
  private regHolds(reg: Reg, low: number, high: number): boolean {
    const { type } = reg
    if (type === SCALAR_VALUE) {
      if (!scalarContains(reg.scalar, low, high)) return false
      return reg.id === 0 || !this.facts.strict || this.scalarLinked(reg, low, high)
    }
    if (type === NOT_INIT) return true
    if (maybeNull(type)) {
      if (reg.id !== 0 && !this.linked(reg.id, LINK_NULL, low, high, true)) return false
      if ((low | high) === 0) return true
    }
    return this.pointerHolds(reg, low, high)
  }

  private pointerHolds(reg: Reg, low: number, high: number): boolean {
    const { objects } = this
    switch (baseType(reg.type)) {
      case PTR_TO_STACK:
        return this.isAt(reg, low, high, this.cpu.frameTop(this.rootDepth + reg.aux))
      case PTR_TO_CTX:
        return this.isAt(reg, low, high, objects.context)
      case PTR_TO_PACKET:
        return this.isAt(reg, low, high, objects.packet) && this.rangeHolds(reg, low, high, objects.packetEnd)
      case PTR_TO_PACKET_META:
        return this.isAt(reg, low, high, objects.packetMeta) && this.rangeHolds(reg, low, high, objects.packet)
      case PTR_TO_PACKET_END:
        return high === 0 && low >>> 0 === objects.packetEnd
      case PTR_TO_MAP_VALUE:
        return this.mapValueHolds(reg, low, high)
      case CONST_PTR_TO_MAP:
        return high === 0 && objects.isMap(reg.map, reg.aux !== 0, low >>> 0)
      case PTR_TO_MAP_KEY:
        return this.isInMemory(reg, low, high, reg.map.keySize)
      case PTR_TO_MEM:
        return (reg.type & PTR_UNTRUSTED) !== 0 || this.isInMemory(reg, low, high, reg.aux)
      case PTR_TO_FUNC: {
        const entry = high === FUNCTION_TAG ? this.cpu.machine.codeEntries.get(low >>> 0) : undefined
        return entry?.slot === this.facts.env.subprograms[reg.aux]?.start
      }
      case PTR_TO_BTF_ID:
      case PTR_TO_ARENA:
      case CONST_PTR_TO_DYNPTR:
        return true
      default:
        // An object of the kernel: all that is known of it is that it is there.
        return high === 0 && low !== 0
    }
  }

  private mapValueHolds(reg: Reg, low: number, high: number): boolean {
    const { objects } = this
    const { map, scalar } = reg
    if (map.inner !== undefined) return high === 0 && objects.isMap(map.inner, true, low >>> 0)
    if (OBJECT_MAPS.has(map.type)) return high === 0 && low !== 0
    const inner = reg.aux !== 0
    if (scalar.isConstant) {
      const address = low - reg.off - scalar.valueLow
      if (objects.isValue(map, inner, address >>> 0) && this.isAt(reg, low, high, address >>> 0)) return true
      return false
    }
    for (const value of objects.valuesOf(map, inner)) if (this.isAt(reg, low, high, value)) return true
    return false
  }

  private isInMemory(reg: Reg, low: number, high: number, size: number): boolean {
    for (const one of this.objects.memories) {
      if (one.size >= size && this.isAt(reg, low, high, one.base)) return true
    }
    return false
  }

  /** The value lies at the fixed offset and within the variable one from `base`. */
  private isAt(reg: Reg, low: number, high: number, base: number): boolean {
    if (base === 0) return false
    const { off } = reg
    const fromBase = (low - base) | 0
    const distance = (fromBase - off) | 0
    const borrow = (low >>> 0 < base ? 1 : 0) + (fromBase >>> 0 < off >>> 0 ? 1 : 0)
    return scalarContains(reg.scalar, distance, (high - (off >> 31) - borrow) | 0)
  }

  /** What is said of the distance to `end`, and that pointers with the same id have the same variable offset. */
  private rangeHolds(reg: Reg, low: number, high: number, end: number): boolean {
    const { aux, off } = reg
    const address = low >>> 0
    // Every packet pointer is near a packet: no sum here leaves 32 bits.
    if (aux > 0 && address - off + aux > end) return false
    if (aux === AT_PACKET_END && address < end) return false
    if (aux === BEYOND_PACKET_END && address <= end) return false
    return reg.id === 0 || this.linked(reg.id, LINK_PACKET, low - off, high, false)
  }

  /** Scalars with the same id are equal, or differ by the distance that each keeps in `off`. */
  private scalarLinked(reg: Reg, low: number, high: number): boolean {
    const flags = reg.id & ADD_CONST
    if (flags === 0) return this.linked(reg.id, LINK_SCALAR, low, high, true)
    const base = (low - reg.off) | 0
    // Added with 32 bits: the lower halves alone tell the distance.
    if ((flags & ADD_CONST_32) !== 0) return this.linked(reg.id & ~ADD_CONST, LINK_SCALAR, base, 0, false)
    const borrow = low >>> 0 < reg.off >>> 0 ? 1 : 0
    return this.linked(reg.id & ~ADD_CONST, LINK_SCALAR, base, (high - (reg.off >> 31) - borrow) | 0, true)
  }

  private linked(id: number, kind: number, low: number, high: number, wide: boolean): boolean {
    const key = id * 4 + kind
    for (let i = 0; i < this.linkCount; i++) {
      if (this.linkIds[i] !== key) continue
      if (this.linkLow[i] !== (low | 0)) return false
      if (!wide) return true
      if (this.linkWide[i] === 1) return this.linkHigh[i] === (high | 0)
      this.linkHigh[i] = high
      this.linkWide[i] = 1
      return true
    }
    if (this.linkCount === this.linkIds.length) return true
    const i = this.linkCount++
    this.linkIds[i] = key
    this.linkLow[i] = low
    this.linkHigh[i] = high
    this.linkWide[i] = wide ? 1 : 0
    return true
  }

  private difference(reg: Reg, low: number, high: number, frameno: number): string {
    const said = `${hex64(low, high)}, and the verifier says ${regText(reg, frameno)}`
    if (reg.type !== SCALAR_VALUE) return said
    const broken = brokenBounds(reg.scalar, low, high)
    return `${said} (${broken === '' ? 'its copies differ' : `broken: ${broken}`})`
  }

  private slotDifference(slot: StackSlot, address: number, frameno: number, index: number): string {
    const { view } = this.cpu.memory
    const low = view.getInt32(address, true)
    const high = view.getInt32(address + 4, true)
    const kinds = Array.from({ length: 8 }, (_, i) => '?rm0dif'[slot.byte(7 - i)] ?? '?').join('')
    const spilled = slot.isSpill ? ` of ${this.difference(slot.reg, low, high, frameno)}` : ` is ${hex64(low, high)}`
    return `${frameText(frameno)}fp-${8 * (index + 1)}=${kinds}${spilled}`
  }
}

function frameText(frameno: number): string {
  return frameno === 0 ? '' : `frame ${frameno}: `
}

/** How many bytes of the register were spilled: those from the lowest one on. */
function spillSize(slot: StackSlot): number {
  let size = 1
  while (size < 8 && slot.byte(size) === STACK_SPILL) size++
  return size
}

function readSmall(view: DataView, address: number, size: 1 | 2): number {
  return size === 1 ? view.getUint8(address) : view.getUint16(address, true)
}
