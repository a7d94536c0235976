/**
 * Atomic read-modify-write operations of the interpreter (RFC 9669, section 5.3).
 *
 * The address is aligned. Within one CPU any order of plain accesses is atomic; the value fetched is zero-extended.
 * @module
 */
import { ATOMIC_FETCH } from './opcodes.ts'

/** `operation` is a number of `ATOMIC_OPS`, with or without `ATOMIC_FETCH`; `s` the word index of the source register. */
export function atomic32(memory: Int32Array, address: number, operation: number, r: Int32Array, s: number): void {
  const at = address >> 2
  const old = memory[at]!
  const operand = r[s]!
  // biome-ignore format: one line per operation
  switch (operation & ~ATOMIC_FETCH) {
    case 0: /* add */ memory[at] = old + operand; break
    case 1: /* or */ memory[at] = old | operand; break
    case 2: /* and */ memory[at] = old & operand; break
    case 3: /* xor */ memory[at] = old ^ operand; break
    case 4: /* xchg */ memory[at] = operand; break
    case 5: /* cmpxchg */ if (old === r[0]) memory[at] = operand; break
  }
  if ((operation & ATOMIC_FETCH) === 0) return
  // cmpxchg returns what it found in r0, the others in the source register.
  const result = operation === 5 + ATOMIC_FETCH ? 0 : s
  r[result] = old
  r[result + 1] = 0
}

/** As {@link atomic32}, on 8 bytes. */
export function atomic64(memory: Int32Array, address: number, operation: number, r: Int32Array, s: number): void {
  const at = address >> 2
  const low = memory[at]!
  const high = memory[at + 1]!
  const operandLow = r[s]!
  const operandHigh = r[s + 1]!
  // biome-ignore format: one line per operation
  switch (operation & ~ATOMIC_FETCH) {
    case 0: /* add */ memory[at] = low + operandLow; memory[at + 1] = high + operandHigh + (memory[at]! >>> 0 < low >>> 0 ? 1 : 0); break
    case 1: /* or */ memory[at] = low | operandLow; memory[at + 1] = high | operandHigh; break
    case 2: /* and */ memory[at] = low & operandLow; memory[at + 1] = high & operandHigh; break
    case 3: /* xor */ memory[at] = low ^ operandLow; memory[at + 1] = high ^ operandHigh; break
    case 4: /* xchg */ memory[at] = operandLow; memory[at + 1] = operandHigh; break
    case 5: /* cmpxchg */ if (low === r[0] && high === r[1]) { memory[at] = operandLow; memory[at + 1] = operandHigh } break
  }
  if ((operation & ATOMIC_FETCH) === 0) return
  const result = operation === 5 + ATOMIC_FETCH ? 0 : s
  r[result] = low
  r[result + 1] = high
}
