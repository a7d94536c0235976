/**
 * What a run ends with, named as the interpreter would name it: faults that compiled code notices, those of helpers, and traps.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import { AnybpfError } from '../../util/errors.ts'
import { pairToU64 } from '../../util/int64.ts'
import { BpfFault, createFault } from '../fault.ts'
import { accessFault, FaultSignal, hex, missingHelper } from '../fault-signal.ts'
import type { Executable } from './executable.ts'
import { FAULT } from './imports.ts'

/** Where a fault may have come from. */
export interface FaultOrigin {
  /** Compiled programs by the numbers in their modules' names. */
  readonly byId: ReadonlyMap<number, Executable>
  /** What the run began with. */
  readonly current: Executable | undefined
  /** Which program called JavaScript last, and at which slot. */
  readonly caller: Executable | undefined
  readonly callSlot: number
  /** Nested calls that a run may make. */
  readonly frames: number
}

export function signalledFault({ program }: Executable, slot: number, { kind, reason, access }: FaultSignal): BpfFault {
  return createFault(kind, reason, program.linked, slot, access)
}

/** What compiled code notices itself. */
export function noticedFault(insn: Instruction, what: number, low: number, high: number, frames: number): FaultSignal {
  switch (what) {
    case FAULT.badJump:
      return new FaultSignal('bad_jump', 'control leaves the program')
    case FAULT.badIndirectJump:
      return new FaultSignal('bad_jump', `${hex(pairToU64(low, high))} is no target of this jump`)
    case FAULT.callDepth:
      return new FaultSignal('call_depth', `more than ${frames} nested calls`)
    case FAULT.nullWrite:
      return accessFault(0, low >>> 0, accessSize(insn), true, undefined)
    default: {
      const isKfunc = insn.kind === 'call' && insn.target === 'kfunc'
      const number = insn.kind === 'call' ? insn.imm : low
      if (!isKfunc) return missingHelper(number)
      return new FaultSignal('unknown_helper', `there is no kernel function ${number} here`)
    }
  }
}

/** What a run ends with, as the interpreter would name it. */
export function namedFault(error: unknown, origin: FaultOrigin): unknown {
  const { caller, callSlot, current, frames } = origin
  if (error instanceof AnybpfError && error.code === 'ERR_FAULT' && !(error instanceof BpfFault))
    return helperFault(error, origin)
  if (error instanceof FaultSignal && caller !== undefined) return signalledFault(caller, callSlot, error)
  if (error instanceof WebAssembly.RuntimeError) return trap(error, origin)
  if (error instanceof RangeError && /call stack/i.test(error.message)) {
    const { linked } = current!.program
    return createFault('call_depth', `more than ${frames} nested calls`, linked, 0, undefined, error)
  }
  return error
}

/** What a helper found wrong, or the guest runtime, which compiled code calls without saying where it is. */
function helperFault(error: AnybpfError, { byId, caller, callSlot }: FaultOrigin): unknown {
  const place = trapPlace(error)
  const found = byId.get(place?.module ?? -1)
  const executable = found ?? caller
  if (executable === undefined) return error
  const slot = (place === undefined ? undefined : found?.compiled.slotAt(place.offset)) ?? callSlot
  return createFault('helper', error.message, executable.program.linked, slot, undefined, error)
}

/** A trap of compiled code: engines tell where in the module, which tells the instruction. */
function trap(error: WebAssembly.RuntimeError, { byId, current }: FaultOrigin): BpfFault {
  const place = trapPlace(error)
  const executable = byId.get(place?.module ?? -1) ?? current!
  const { linked } = executable.program
  const slot = place === undefined ? undefined : executable.compiled.slotAt(place.offset)
  const insn = linked.insns[slot ?? -1]
  const isAtomic = insn?.kind === 'atomic' || insn?.kind === 'load_acquire' || insn?.kind === 'store_release'
  if (isAtomic && /align/i.test(error.message)) {
    const reason = `atomic access to ${accessSize(insn)} bytes at an address that is not a multiple of it`
    return createFault('misaligned_atomic', reason, linked, slot!, undefined, error)
  }
  const isGuarded = executable.guard && insn !== undefined && writes(insn)
  const where = isGuarded ? 'to page zero, or where nothing is' : 'where nothing is'
  const what = insn === undefined ? error.message : `${accessName(insn)}, ${where}`
  return createFault('out_of_bounds', what, linked, slot ?? 0, undefined, error)
}

/** The innermost frame of compiled code in a stack trace: `…anybpf-7…:wasm-function[3]:0x1a2`. */
function trapPlace({ stack = '', message }: Error): { module: number; offset: number } | undefined {
  // V8's stack begins with the message, and that can name what somebody else has named.
  const frames = stack.replace(message, '')
  const match = /anybpf-(\d+)\S*?:wasm-function\[\d+\]:0x([0-9a-f]+)/.exec(frames)
  return match === null ? undefined : { module: Number(match[1]), offset: Number.parseInt(match[2]!, 16) }
}

function accessSize(insn: Instruction): number {
  return 'size' in insn ? insn.size : 0
}

function writes({ kind }: Instruction): boolean {
  return kind === 'store' || kind === 'atomic' || kind === 'store_release'
}

function accessName(insn: Instruction): string {
  if (insn.kind === 'call' || insn.kind === 'callx') return 'a call that reads or writes'
  const size = accessSize(insn)
  return `${writes(insn) ? 'write' : 'read'} of ${size} byte${size === 1 ? '' : 's'}`
}
