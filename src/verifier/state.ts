/**
 * What the verifier knows at one point of one path: registers, stack, references, locks.
 *
 * A {@link Reg} and a {@link StackSlot} are immutable and shared between states. A {@link Frame} belongs to the state
 * that may write it; copying a state shares its frames, and whoever writes first makes its own copy (`writable`). So a
 * branch costs a few pointers, and states that still share a frame are known to be equal there.
 * @module
 */
import type { Btf, BtfTypeId } from '../btf/index.ts'
import { constantOf, type Scalar, UNKNOWN, ZERO } from './domain/scalar.ts'
import type { VerifierMap } from './program.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  NOT_INIT,
  PTR_TO_CTX,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  type RegType,
  SCALAR_VALUE,
  STACK_SPILL,
} from './types.ts'

/** A type of kernel or program BTF. */
export interface BtfTypeRef {
  readonly kind: 'btf'
  readonly btf: Btf
  readonly id: BtfTypeId
}

/** Half of a dynptr on the stack, or a constant dynptr argument. */
export interface DynptrInfo {
  readonly kind: 'dynptr'
  readonly dynptr: 'local' | 'ringbuf' | 'skb' | 'xdp' | 'skb_meta'
  readonly readOnly: boolean
  /** The slot that comes first in memory order (the higher spi). */
  readonly first: boolean
}

/** An open-coded iterator on the stack. */
export interface IteratorInfo {
  readonly kind: 'iterator'
  /** Name of the kernel structure: `bpf_iter_num`. */
  readonly type: string
  readonly state: 'active' | 'drained'
  /** How often `next` was called on this path. */
  readonly depth: number
  /** May be used only inside of an RCU section that it was made in. */
  readonly rcu: boolean
}

export interface IrqInfo {
  readonly kind: 'irq'
  /** Which family of functions saved it. */
  readonly save: 'native' | 'lock'
}

/** What a pointer points at, or what a special stack slot is. */
export type RegTarget = VerifierMap | BtfTypeRef | DynptrInfo | IteratorInfo | IrqInfo

/**
 * Scalars that are known to differ by a constant (`off`) share their `id` with one of these bits set: the constant was
 * added with 64 bits, or with 32 and the result zero-extended.
 */
export const ADD_CONST_64 = 0x80000000 | 0
export const ADD_CONST_32 = 0x40000000
export const ADD_CONST = ADD_CONST_64 | ADD_CONST_32

/** Packet pointers compared with the packet's end: what `aux` (the range) of a packet end or pointer can also be. */
export const AT_PACKET_END = -1
export const BEYOND_PACKET_END = -2

export class Reg {
  readonly type: RegType
  /** A scalar's value; the variable part of a pointer's offset. */
  readonly scalar: Scalar
  /** Fixed part of a pointer's offset; of a scalar with `ADD_CONST` in its id, the distance to its siblings. */
  readonly off: number
  /**
   * Links copies: of scalars, so that one comparison refines all; of maybe-NULL pointers, so that one test decides all;
   * of packet pointers with the same variable part; the identity of a map value that holds a lock. 0: none.
   */
  readonly id: number
  /** The reference (acquired resource) that this pointer is, or is derived from. 0: none. */
  readonly refObjId: number
  /**
   * By type. Packet pointers: bytes from `off` 0 that are known to lie in the packet, or AT/BEYOND_PACKET_END. Memory:
   * size in bytes. Stack: number of the frame. Function: index of the subprogram. Maps and map values: identity of the
   * inner map (0: not from a map of maps).
   */
  readonly aux: number
  readonly target: RegTarget | undefined

  constructor(
    type: RegType,
    scalar: Scalar,
    off: number,
    id: number,
    refObjId: number,
    aux: number,
    target: RegTarget | undefined,
  ) {
    this.type = type
    this.scalar = scalar
    this.off = off
    this.id = id
    this.refObjId = refObjId
    this.aux = aux
    this.target = target
  }

  /** The map of a map pointer, key or value. Only for those types. */
  get map(): VerifierMap {
    return this.target as VerifierMap
  }

  /** Only where `target` is a BTF type. */
  get btf(): BtfTypeRef {
    return this.target as BtfTypeRef
  }

  withType(type: RegType): Reg {
    return new Reg(type, this.scalar, this.off, this.id, this.refObjId, this.aux, this.target)
  }

  withScalar(scalar: Scalar): Reg {
    return new Reg(this.type, scalar, this.off, this.id, this.refObjId, this.aux, this.target)
  }

  withId(id: number): Reg {
    return new Reg(this.type, this.scalar, this.off, id, this.refObjId, this.aux, this.target)
  }

  /** A scalar that is linked to none: neither an id nor a distance stays, since a later link would count from it. */
  unlinked(): Reg {
    return this.id === 0 && this.off === 0 ? this : new Reg(this.type, this.scalar, 0, 0, 0, 0, undefined)
  }

  withOff(off: number): Reg {
    return new Reg(this.type, this.scalar, off, this.id, this.refObjId, this.aux, this.target)
  }

  withRef(refObjId: number): Reg {
    return new Reg(this.type, this.scalar, this.off, this.id, refObjId, this.aux, this.target)
  }

  withAux(aux: number): Reg {
    return new Reg(this.type, this.scalar, this.off, this.id, this.refObjId, aux, this.target)
  }

  withTarget(target: RegTarget | undefined): Reg {
    return new Reg(this.type, this.scalar, this.off, this.id, this.refObjId, this.aux, target)
  }
}

/** A register that was never written. */
export const UNINITIALISED = new Reg(NOT_INIT, UNKNOWN, 0, 0, 0, 0, undefined)

/** A scalar of which nothing is known. */
export const UNKNOWN_SCALAR = new Reg(SCALAR_VALUE, UNKNOWN, 0, 0, 0, 0, undefined)

export const CONTEXT_POINTER = new Reg(PTR_TO_CTX, ZERO, 0, 0, 0, 0, undefined)

/** A scalar with this value, linked to none. */
export function scalarReg(scalar: Scalar): Reg {
  return scalar === UNKNOWN ? UNKNOWN_SCALAR : new Reg(SCALAR_VALUE, scalar, 0, 0, 0, 0, undefined)
}

const CONSTANTS: readonly Reg[] = Array.from({ length: 256 }, (_, i) => scalarReg(constantOf(i)))

/** The constant `value`, a signed 32-bit integer, sign-extended. */
export function constantReg(value: number): Reg {
  return (value >>> 0 < 256 ? CONSTANTS[value] : undefined) ?? scalarReg(constantOf(value))
}

/** A pointer of this type with offset zero and no identity. */
export function pointerReg(type: RegType, aux = 0, target?: RegTarget): Reg {
  return new Reg(type, ZERO, 0, 0, 0, aux, target)
}

export function isMapType(type: RegType): boolean {
  const base = baseType(type)
  return base === CONST_PTR_TO_MAP || base === PTR_TO_MAP_VALUE || base === PTR_TO_MAP_KEY
}

export function isScalar(reg: Reg): boolean {
  return reg.type === SCALAR_VALUE
}

/** The register holds zero and nothing else. */
export function isNullConstant(reg: Reg): boolean {
  return reg.type === SCALAR_VALUE && reg.scalar.isZero
}

/** Frame pointers of each depth: r10. */
const FRAME_POINTERS: readonly Reg[] = Array.from({ length: 16 }, (_, frameno) => pointerReg(PTR_TO_STACK, frameno))

/** Eight bytes of stack. */
export class StackSlot {
  /** Kind of each byte, four bits each, the lowest address in the lowest bits. */
  readonly bytes: number
  /** The spilled register (if the lowest byte is STACK_SPILL), the dynptr half, the iterator, the saved IRQ flags; else UNINITIALISED. */
  readonly reg: Reg

  constructor(bytes: number, reg: Reg) {
    this.bytes = bytes
    this.reg = reg
  }

  /** Kind of byte `i`, 0 to 7 from the lowest address. */
  byte(i: number): number {
    return (this.bytes >>> (i * 4)) & 0xf
  }

  /** A whole register, or the low part of one, was spilled here. A spill begins at the lowest byte, which says so. */
  get isSpill(): boolean {
    return (this.bytes & 0xf) === STACK_SPILL
  }
}

/** `kind` in all eight bytes. */
export function slotBytes(kind: number): number {
  return Math.imul(kind, 0x11111111)
}

export const INVALID_SLOT = new StackSlot(0, UNINITIALISED)

export const SPILL_BYTES = slotBytes(STACK_SPILL)

/** What a callback's or a program's r0 must be: signed, inclusive. */
export interface ReturnRange {
  readonly min: number
  readonly max: number
}

/** What is said of a called function while it runs. */
export interface FrameSpec {
  /** Slot of the call; -1 for the entry and for asynchronous callbacks. */
  readonly callsite: number
  readonly frameno: number
  readonly subprogno: number
}

export class Frame {
  /** The state that may write this frame. Undefined: nobody, until it is copied. */
  owner: State | undefined
  readonly callsite: number
  readonly frameno: number
  readonly subprogno: number
  /** r0 to r10. */
  regs: Reg[]
  /** Slot `i` holds bytes fp-8(i+1) to fp-8i-1; as long as has been touched. */
  stack: StackSlot[]
  inCallback = false
  inAsyncCallback = false
  inExceptionCallback = false
  /** What r0 must be at its exit, for callbacks. */
  callbackRange: ReturnRange | undefined = undefined
  /** How often the callback of this call was entered, on this path. */
  callbackDepth = 0
  asyncEntryCount = 0

  constructor(spec: FrameSpec, owner: State | undefined, regs = freshRegisters(spec.frameno), stack: StackSlot[] = []) {
    this.owner = owner
    this.callsite = spec.callsite
    this.frameno = spec.frameno
    this.subprogno = spec.subprogno
    this.regs = regs
    this.stack = stack
  }

  /** A copy that `owner` may write. */
  copyFor(owner: State): Frame {
    const copy = new Frame(this, owner, this.regs.slice(), this.stack.slice())
    copy.inCallback = this.inCallback
    copy.inAsyncCallback = this.inAsyncCallback
    copy.inExceptionCallback = this.inExceptionCallback
    copy.callbackRange = this.callbackRange
    copy.callbackDepth = this.callbackDepth
    copy.asyncEntryCount = this.asyncEntryCount
    return copy
  }
}

/** r0 to r9 never written, r10 the frame pointer. */
function freshRegisters(frameno: number): Reg[] {
  const regs = new Array<Reg>(11).fill(UNINITIALISED)
  regs[10] = FRAME_POINTERS[frameno]!
  return regs
}

/** Something that was acquired and is to be given back. Immutable. */
export interface Reference {
  readonly kind: 'object' | 'irq' | 'lock' | 'res_lock' | 'res_lock_irq'
  readonly id: number
  /** Slot of the instruction that acquired it. */
  readonly insn: number
  /** Of locks: what they are in (a map or a BTF object), by identity. */
  readonly owner?: object
}

/** An entry of a path's history: a jump that was taken, or an instruction that precision tracking needs to see. */
export interface HistoryEntry {
  readonly insn: number
  readonly previous: number
  /** Bits: see precision (stack access with its frame and slot). 0: a plain jump. */
  readonly flags: number
  /** Registers and slots that were refined together by this jump, or undefined. */
  readonly linked: readonly number[] | undefined
}

/** Which scalars of a checkpoint have to be exact: precision tracking marks them, pruning reads them. */
export interface PrecisionMarks {
  /** Bit i: r_i. */
  regs: number
  /** Stack slots 0 to 31, and 32 to 63. */
  stackLow: number
  stackHigh: number
}

const NO_REFERENCES: readonly Reference[] = []
const NO_HISTORY: readonly HistoryEntry[] = []

export class State {
  // What comparison reads comes first, in a few cache lines: walks through lists of checkpoints wait for memory.
  /** From the entry's (0) to the current one. */
  frames: Frame[] = []
  /** Of checkpoints: the one that was kept before it, in the same list. */
  nextInList: State | undefined = undefined
  /** Where this state was, if it is a checkpoint; else where it is. */
  insn = 0
  /** Paths from here that are not explored to their end. */
  branches = 0
  /** Of checkpoints: where the last state that it was compared with differed, see `statesEqual`; -1: nowhere yet. */
  mismatch = -1
  /** Of checkpoints, by frame; undefined as long as nothing is precise. */
  precise: PrecisionMarks[] | undefined = undefined
  /** Of checkpoints: how often it covered another state, and how often it was compared in vain. */
  hits = 0
  misses = 0
  /** Of checkpoints: what will not be read was forgotten. */
  cleaned = false
  /** Of a path that only a mispredicting CPU takes. */
  speculative = false
  inSleepable = false

  /** Acquired and not yet released, in order. The array is never changed in place. */
  references: readonly Reference[] = NO_REFERENCES
  /** How many of `references` are locks; id and owner of the innermost one. */
  activeLocks = 0
  activeLockId = 0
  activeLockOwner: object | undefined = undefined
  /** Depth of `bpf_preempt_disable`. */
  activePreemptLocks = 0
  /** Depth of `bpf_rcu_read_lock`. */
  activeRcuLocks = 0
  /** Identity of the innermost saved IRQ state. 0: interrupts are on. */
  activeIrqId = 0

  /** The checkpoint that this path went through last. */
  parent: State | undefined = undefined
  /** First and last instruction since `parent`. */
  firstInsn = 0
  lastInsn = -1
  /** Since `parent`. Own array; append only. */
  history: HistoryEntry[] = []
  callbackUnrollDepth = 0
  mayGotoDepth = 0
  /** Checkpoints from the entry to here. */
  dfsDepth = 0
  /** Of a loop's back edge: the checkpoint that it was found equal to. */
  equalState: State | undefined = undefined
  /** Of checkpoints: no longer compared with, it missed too often. */
  evicted = false

  get curframe(): number {
    return this.frames.length - 1
  }

  /** The current frame, to read. */
  get frame(): Frame {
    return this.frames[this.frames.length - 1]!
  }

  /** Frame `frameno` (default: the current one), to write. Never write to a frame that came otherwise. */
  writable(frameno: number = this.frames.length - 1): Frame {
    const frame = this.frames[frameno]!
    if (frame.owner === this) return frame
    const own = frame.copyFor(this)
    this.frames[frameno] = own
    return own
  }

  /** A register of the current frame. */
  reg(regno: number): Reg {
    return this.frames[this.frames.length - 1]!.regs[regno]!
  }

  setReg(regno: number, reg: Reg): void {
    this.writable().regs[regno] = reg
  }

  /** A copy for another path, or to keep: neither may write the frames that both have without copying them. History is not copied. */
  copy(): State {
    const copy = new State()
    copy.frames = this.frames.slice()
    for (const frame of this.frames) frame.owner = undefined
    copy.speculative = this.speculative
    copy.references = this.references
    copy.activeLocks = this.activeLocks
    copy.activeLockId = this.activeLockId
    copy.activeLockOwner = this.activeLockOwner
    copy.activePreemptLocks = this.activePreemptLocks
    copy.activeRcuLocks = this.activeRcuLocks
    copy.activeIrqId = this.activeIrqId
    copy.inSleepable = this.inSleepable
    copy.parent = this.parent
    copy.branches = this.branches
    copy.insn = this.insn
    copy.firstInsn = this.firstInsn
    copy.lastInsn = this.lastInsn
    copy.callbackUnrollDepth = this.callbackUnrollDepth
    copy.mayGotoDepth = this.mayGotoDepth
    copy.dfsDepth = this.dfsDepth
    return copy
  }
}

export { NO_HISTORY, NO_REFERENCES }
