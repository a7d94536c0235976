/** Random programs of arithmetic, against a model in BigInt that states RFC 9669, section 4.1 and 4.2, once more. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { INSTRUCTION_TABLE, type Instruction, type Operand } from '../../src/isa/index.ts'
import type { ExecutableProgram, VirtualCpu } from '../../src/vm/index.ts'
import { arbitraryInsn, withTails } from '../support/arbitrary-insn.ts'
import { executeRawOnAll } from '../support/both-engines.ts'
import { runs, SEED } from '../support/runs.ts'

const KINDS = new Set<Instruction['kind']>(['alu', 'neg', 'movsx', 'endian', 'lddw'])
const ROWS = INSTRUCTION_TABLE.filter(
  (row) => !row.decodeOnly && KINDS.has(row.shape.kind) && !('source' in row.shape && row.shape.source !== 'imm64'),
)

/** The frame pointer holds an address, which the model does not know. */
const arbitraryProgram = fc
  .array(
    arbitraryInsn(ROWS).filter((insn) => !mentionsFramePointer(insn)),
    { minLength: 1, maxLength: 24 },
  )
  .map((insns): Instruction[] => [...withTails(insns), { kind: 'exit' }])

function mentionsFramePointer(insn: Instruction): boolean {
  const src = 'src' in insn ? insn.src : undefined
  return ('dst' in insn && insn.dst === 10) || src === 10 || (typeof src === 'object' && 'reg' in src && src.reg === 10)
}

const mask = (bits: number): bigint => (1n << BigInt(bits)) - 1n

function swap(value: bigint, bits: number): bigint {
  let out = 0n
  for (let i = 0; i < bits; i += 8) out |= ((value >> BigInt(i)) & 0xffn) << BigInt(bits - 8 - i)
  return out
}

/** One instruction on ten registers, each an unsigned 64-bit BigInt. */
function model(insn: Instruction, registers: bigint[]): void {
  const [width, value] = resultOf(insn, registers)
  if ('dst' in insn) registers[insn.dst] = value & mask(width)
}

/** What is written to `dst`, and how many bits of it; the bits above become zero. */
function resultOf(insn: Instruction, registers: readonly bigint[]): [width: number, value: bigint] {
  switch (insn.kind) {
    case 'alu': {
      const { op, width, dst, src } = insn
      return [width, arithmetic(op, width, registers[dst]!, operand(src, registers))]
    }
    case 'neg':
      return [insn.width, -registers[insn.dst]!]
    case 'movsx':
      return [insn.width, BigInt.asIntN(insn.bits, registers[insn.src]!)]
    case 'endian': {
      const value = registers[insn.dst]! & mask(insn.bits)
      return [64, insn.op === 'le' ? value : swap(value, insn.bits)]
    }
    case 'lddw':
      return [64, (BigInt(insn.imm2 >>> 0) << 32n) | BigInt(insn.imm >>> 0)]
    default:
      return [64, 0n]
  }
}

function operand(src: Operand, registers: readonly bigint[]): bigint {
  return 'reg' in src ? registers[src.reg]! : BigInt.asUintN(64, BigInt(src.imm))
}

function arithmetic(op: string, width: 32 | 64, dst: bigint, src: bigint): bigint {
  const a = dst & mask(width)
  const b = src & mask(width)
  const sa = BigInt.asIntN(width, a)
  const sb = BigInt.asIntN(width, b)
  const shift = b & BigInt(width - 1)
  switch (op) {
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'mul':
      return a * b
    case 'div':
      return b === 0n ? 0n : a / b
    case 'sdiv':
      return b === 0n ? 0n : sa / sb
    case 'mod':
      return b === 0n ? a : a % b
    case 'smod':
      return b === 0n ? a : sa % sb
    case 'or':
      return a | b
    case 'and':
      return a & b
    case 'xor':
      return a ^ b
    case 'mov':
      return b
    case 'lsh':
      return a << shift
    case 'rsh':
      return a >> shift
    case 'arsh':
      return sa >> shift
    default:
      throw new Error(op)
  }
}

function registersOf(cpu: VirtualCpu): bigint[] {
  return Array.from({ length: 10 }, (_, i) => {
    const [low, high] = [cpu.registers[2 * i]!, cpu.registers[2 * i + 1]!]
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  })
}

describe('arithmetic', () => {
  it('equals the model after every instruction of random programs', () => {
    fc.assert(
      fc.property(arbitraryProgram, (insns) => {
        const registers = new Array<bigint>(10).fill(0n)
        let expected: bigint[] | undefined
        let compared = 0
        const trace = (cpu: VirtualCpu, _program: ExecutableProgram, slot: number): void => {
          if (expected === undefined) registers[1] = registersOf(cpu)[1]!
          else expect(registersOf(cpu)).toEqual(expected)
          compared++
          model(insns[slot]!, registers)
          expected = [...registers]
        }
        const { r0 } = executeRawOnAll(insns, undefined, { trace })
        expect(r0).toBe(registers[0])
        expect(compared).toBe(insns.filter((insn) => insn.kind !== 'wide_tail').length)
      }),
      { seed: SEED, numRuns: runs(20000) },
    )
  })
})
