/**
 * What compiled programs import, all of module `bpf`. Numbers are 32 bits: no 64-bit value crosses into JavaScript.
 * @module
 */
import type { HelperSpec } from '../../spec/types.ts'
import type { Signature, ValueType } from './wasm-module.ts'

export const IMPORTS = 'bpf'

/** Every function of a BPF program: r1 to r5 in, r0 out. */
export const BPF_FUNCTION: Signature = { params: ['i64', 'i64', 'i64', 'i64', 'i64'], results: ['i64'] }

const i32 = (count: number): ValueType[] => new Array<ValueType>(count).fill('i32')

export const IMPORTED = {
  /** What the program did, in which slot, and a 64-bit value in halves that the message names. Does not return. */
  fault: { params: i32(4), results: [] },
  /** How far the budget was overdrawn, and the slot: the next portion, or a fault. */
  refuel: { params: i32(2), results: ['i32'] },
  /** A code address in halves, and the slot: where it is in the table, or a fault. */
  resolve: { params: i32(3), results: ['i32'] },
  /** r1 to r3, and the slot: where the program is in the table, or -1. */
  tail_call: { params: i32(4), results: ['i32'] },
  /** The number of a helper, r1 to r5 and their upper halves, the slot: as `tail_call`; r0 is in the CPU's block. */
  call_helper: { params: i32(12), results: ['i32'] },
  /** Offset, size, slot: the number; whether it was there is in the CPU's block. */
  load_packet: { params: i32(3), results: ['i32'] },
} as const satisfies Readonly<Record<string, Signature>>

export type ImportName = keyof typeof IMPORTED

/** What `fault` says was done. */
export const FAULT = {
  badJump: 0,
  badIndirectJump: 1,
  unknownHelper: 2,
  callDepth: 3,
  nullWrite: 4,
} as const

/** The import of one helper: its arguments, the upper halves of those that cross whole, and the slot. */
export function helperSignature({ args }: HelperSpec): Signature {
  return { params: i32(args.length + args.filter((width) => width === 64).length + 1), results: ['i32'] }
}

export function helperImport(id: number): string {
  return `helper${id}`
}
