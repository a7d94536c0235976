/**
 * Ten registers that hold scalars, moved by instructions through the domain; and Linux's way of printing a scalar, read back.
 * @module
 */
import type { Instruction, Operand } from '../../../src/isa/index.ts'
import { highHalf, lowHalf } from '../../../src/util/int64.ts'
import { alu, endian, negate } from '../../../src/verifier/domain/arithmetic.ts'
import { branchTaken, refineBranch } from '../../../src/verifier/domain/branch.ts'
import { signExtend, truncate, zeroExtend32 } from '../../../src/verifier/domain/extend.ts'
import { constantOf, constantPair, Scalar, UNKNOWN } from '../../../src/verifier/domain/scalar.ts'

/** Registers that an instruction changed; of a jump, what they are where it falls through and where it is taken. */
export interface Step {
  readonly changed: readonly number[]
  readonly taken?: 1 | 0 | -1
  readonly jumped?: ReadonlyMap<number, Scalar>
}

export class Machine {
  readonly regs: Scalar[] = Array.from({ length: 10 }, () => UNKNOWN)
  /** The one stack slot. */
  #slot: Scalar = UNKNOWN

  step(insn: Instruction): Step {
    const { regs } = this
    switch (insn.kind) {
      case 'alu': {
        const src = this.#operand(insn.src)
        const dst = regs[insn.dst]!
        if (insn.op === 'mov') regs[insn.dst] = insn.width === 32 ? zeroExtend32(src) : src
        else regs[insn.dst] = alu(insn.op, insn.width, dst, src)
        return { changed: [insn.dst] }
      }
      case 'neg':
        regs[insn.dst] = negate(insn.width, regs[insn.dst]!)
        return { changed: [insn.dst] }
      case 'endian':
        regs[insn.dst] = endian(insn.op, insn.bits, regs[insn.dst]!)
        return { changed: [insn.dst] }
      case 'movsx':
        regs[insn.dst] = signExtend(regs[insn.src]!, insn.bits, insn.width)
        return { changed: [insn.dst] }
      case 'lddw':
        regs[insn.dst] = constantPair(insn.imm, insn.imm2)
        return { changed: [insn.dst] }
      case 'store':
        this.#slot = this.#operand(insn.src)
        return { changed: [] }
      case 'load': {
        const bits = (insn.size * 8) as 8 | 16 | 32
        regs[insn.dst] = insn.signed ? signExtend(this.#slot, bits, 64) : truncate(this.#slot, insn.size)
        return { changed: [insn.dst] }
      }
      case 'jump': {
        const a = regs[insn.dst]!
        const b = this.#operand(insn.src)
        const taken = branchTaken(insn.op, insn.width, a, b)
        if (taken !== -1) return { changed: [], taken }
        const out = { trueA: a, trueB: b, falseA: a, falseB: b }
        refineBranch(insn.op, insn.width, a, b, out)
        const jumped = new Map([[insn.dst as number, out.trueA]])
        regs[insn.dst] = out.falseA
        if ('imm' in insn.src) return { changed: [insn.dst], taken, jumped }
        jumped.set(insn.src.reg, out.trueB)
        regs[insn.src.reg] = out.falseB
        return { changed: [insn.dst, insn.src.reg], taken, jumped }
      }
      default:
        throw new Error(`no such instruction here: ${insn.kind}`)
    }
  }

  #operand(src: Operand): Scalar {
    return 'imm' in src ? constantOf(src.imm) : this.regs[src.reg]!
  }
}

const NAMES = ['umin', 'umax', 'smin', 'smax', 'umin32', 'umax32', 'smin32', 'smax32'] as const

/** A scalar as Linux prints it, `-7` or `scalar(smin=0,umax=umax32=255,var_off=(0x0; 0xff))`: what is not there is unbounded. */
export function parseLinuxScalar(text: string): Scalar {
  if (!text.startsWith('scalar(')) {
    const value = parseNumber(text)
    return constantPair(lowHalf(value), highHalf(value))
  }
  const bounds: Record<string, bigint> = {
    umin: 0n,
    umax: 2n ** 64n - 1n,
    smin: -(2n ** 63n),
    smax: 2n ** 63n - 1n,
    umin32: 0n,
    umax32: 2n ** 32n - 1n,
    smin32: -(2n ** 31n),
    smax32: 2n ** 31n - 1n,
  }
  const bits = /var_off=\(([^;]+); ([^)]+)\)/.exec(text)
  const value = bits === null ? 0n : parseNumber(bits[1]!)
  const mask = bits === null ? 2n ** 64n - 1n : parseNumber(bits[2]!)
  for (const [, names, number] of text.matchAll(/((?:[su](?:min|max)(?:32)?=)+)(-?\w+)/g)) {
    for (const name of names!.split('=').slice(0, -1)) bounds[name] = parseNumber(number!)
  }
  const [umin, umax, smin, smax, u32min, u32max, s32min, s32max] = NAMES.map((name) => bounds[name]!) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint, // biome-ignore format: one line
  ]
  return new Scalar(
    ...pair(value),
    ...pair(mask),
    ...pair(umin),
    ...pair(umax),
    ...pair(smin),
    ...pair(smax),
    lowHalf(u32min),
    lowHalf(u32max),
    lowHalf(s32min),
    lowHalf(s32max),
  )
}

function parseNumber(text: string): bigint {
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text)
  return BigInt.asIntN(64, value)
}

function pair(n: bigint): [number, number] {
  return [lowHalf(n), highHalf(n)]
}
