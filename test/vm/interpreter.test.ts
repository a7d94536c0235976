/** What instructions do, by kind, beyond the arithmetic that the model covers; runs repeat exactly. */
import { describe, expect, it } from 'vitest'
import { assemble, type Instruction, WIDE_TAIL } from '../../src/isa/index.ts'
import { bytesToHex, hexToBytes } from '../../src/util/index.ts'
import { INSTRUCTION_TAG, MAY_GOTO_LIMIT, type PacketSource, type VirtualCpu } from '../../src/vm/index.ts'
import { executeRawOnAll } from '../support/both-engines.ts'
import { Bench, faultOf, r0 } from './support.ts'

const MEMORY = hexToBytes('8182838485868788 1112131415161718')

describe('loads and stores', () => {
  it.each([
    ['r0 = *(u8 *)(r1 + 1)', 0x82n],
    ['r0 = *(u16 *)(r1 + 1)', 0x8382n],
    ['r0 = *(u32 *)(r1 + 1)', 0x85848382n],
    ['r0 = *(u64 *)(r1 + 1)', 0x1188878685848382n],
    ['r0 = *(s8 *)(r1 + 0)', 0xffffffffffffff81n],
    ['r0 = *(s16 *)(r1 + 0)', 0xffffffffffff8281n],
    ['r0 = *(s32 *)(r1 + 0)', 0xffffffff84838281n],
    ['r0 = *(s8 *)(r1 + 8)', 0x11n],
    ['r1 += 16\nr0 = *(u8 *)(r1 - 1)', 0x18n],
    ['r0 = load_acquire((u64 *)(r1 + 8))', 0x1817161514131211n],
    ['r0 = load_acquire((u16 *)(r1 + 2))', 0x8483n],
    ['r0 = load_acquire((u8 *)(r1 + 3))', 0x84n],
  ])('%s', (text, expected) => {
    for (const checked of [false, true]) expect(r0(`${text}\nexit`, MEMORY, { checked })).toBe(expected)
  })

  it.each([
    ['*(u8 *)(r1 + 1) = r3', '81ff838485868788'],
    ['*(u16 *)(r1 + 1) = r3', '81ffeedd85868788'.replace('eedd', 'ee84')],
    ['*(u32 *)(r1 + 1) = r3', '81ffeeddcc868788'],
    ['*(u64 *)(r1 + 0) = r3', 'ffeeddccbbaa9988'],
    ['*(u64 *)(r1 + 0) = -2', 'feffffffffffffff'],
    ['*(u8 *)(r1 + 7) = 300', '818283848586872c'],
    ['store_release((u32 *)(r1 + 4), r3)', '81828384ffeeddcc'],
    ['store_release((u64 *)(r1 + 0), r3)', 'ffeeddccbbaa9988'],
  ])('%s', (text, expected) => {
    for (const checked of [false, true]) {
      const { memory } = executeRawOnAll(assemble(`r3 = 0x8899aabbccddeeff ll\n${text}\nexit`), MEMORY, { checked })
      expect(bytesToHex(memory.subarray(0, 8))).toBe(expected)
    }
  })

  it('read zeros from page zero, unchecked, and never write it', () => {
    expect(r0('r1 = 0\nr0 = *(u64 *)(r1 + 8)\nexit')).toBe(0n)
    expect(faultOf(() => r0('r1 = 0\n*(u8 *)(r1 + 8) = 1\nexit')).kind).toBe('null')
  })
})

describe('atomic operations', () => {
  const W = 0xfffffff0n
  const D = 0xfffffffffffffff0n
  // Memory holds ...f0 in every byte above; r0 is 1, r2 is 0x20 before the operation.
  it.each([
    ['lock *(u32 *)(r1 + 0) += r2', '10000000ffffffff', 0x20n, 1n],
    ['lock *(u64 *)(r1 + 0) += r2', '1000000000000000', 0x20n, 1n],
    ['lock *(u32 *)(r1 + 0) |= r2', 'f0ffffffffffffff', 0x20n, 1n],
    ['lock *(u64 *)(r1 + 0) &= r2', '2000000000000000', 0x20n, 1n],
    ['lock *(u32 *)(r1 + 0) ^= r2', 'd0ffffffffffffff', 0x20n, 1n],
    ['w2 = atomic_fetch_add((u32 *)(r1 + 0), w2)', '10000000ffffffff', W, 1n],
    ['r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)', '1000000000000000', D, 1n],
    ['r2 = atomic_fetch_and((u64 *)(r1 + 0), r2)', '2000000000000000', D, 1n],
    ['w2 = atomic_fetch_xor((u32 *)(r1 + 0), w2)', 'd0ffffffffffffff', W, 1n],
    ['r2 = atomic_fetch_or((u64 *)(r1 + 0), r2)', 'f0ffffffffffffff', D, 1n],
    ['w2 = xchg32_32(r1 + 0, w2)', '20000000ffffffff', W, 1n],
    ['r2 = xchg_64(r1 + 0, r2)', '2000000000000000', D, 1n],
    ['w0 = cmpxchg32_32(r1 + 0, w0, w2)', 'f0ffffffffffffff', 0x20n, W],
    ['r0 = cmpxchg_64(r1 + 0, r0, r2)', 'f0ffffffffffffff', 0x20n, D],
    ['r0 = -16\nr0 = cmpxchg_64(r1 + 0, r0, r2)', '2000000000000000', 0x20n, D],
    ['r0 = -16\nw0 = cmpxchg32_32(r1 + 0, w0, w2)', '20000000ffffffff', 0x20n, W],
  ])('%s', (text, expected, r2, r0After) => {
    const setup = 'r0 = 1\nr2 = 32\n'
    const memory = hexToBytes('f0ffffffffffffff')
    const result = executeRawOnAll(assemble(`${setup}${text}\nexit`), memory)
    expect(bytesToHex(result.memory)).toBe(expected)
    expect(result.r0).toBe(r0After)
    expect(executeRawOnAll(assemble(`${setup}${text}\nr0 = r2\nexit`), memory).r0).toBe(r2)
  })
})

describe('jumps', () => {
  const taken = (condition: string, r1: string, r2: string): boolean =>
    r0(`r1 = ${r1} ll\nr2 = ${r2} ll\nr0 = 1\nif ${condition} goto end\nr0 = 0\nend:\nexit`) === 1n

  it.each([
    ['==', (a: bigint, b: bigint) => a === b],
    ['!=', (a: bigint, b: bigint) => a !== b],
    ['&', (a: bigint, b: bigint) => (a & b) !== 0n],
    ['>', (a: bigint, b: bigint) => a > b],
    ['>=', (a: bigint, b: bigint) => a >= b],
    ['<', (a: bigint, b: bigint) => a < b],
    ['<=', (a: bigint, b: bigint) => a <= b],
    ['s>', (a: bigint, b: bigint, w: number) => BigInt.asIntN(w, a) > BigInt.asIntN(w, b)],
    ['s>=', (a: bigint, b: bigint, w: number) => BigInt.asIntN(w, a) >= BigInt.asIntN(w, b)],
    ['s<', (a: bigint, b: bigint, w: number) => BigInt.asIntN(w, a) < BigInt.asIntN(w, b)],
    ['s<=', (a: bigint, b: bigint, w: number) => BigInt.asIntN(w, a) <= BigInt.asIntN(w, b)],
  ] as const)('if r1 %s r2, both widths, on values at the borders', (op, reference) => {
    const values = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]
    for (const a of values) {
      for (const b of values) {
        const [ra, rb] = [`0x${a.toString(16)}`, `0x${b.toString(16)}`]
        expect(taken(`r1 ${op} r2`, ra, rb), `${ra} ${op} ${rb}`).toBe(reference(a, b, 64))
        const [wa, wb] = [BigInt.asUintN(32, a), BigInt.asUintN(32, b)]
        expect(taken(`w1 ${op} w2`, ra, rb), `w ${ra} ${op} ${rb}`).toBe(reference(wa, wb, 32))
      }
    }
  })

  it('compare with a sign-extended immediate', () => {
    expect(taken('r1 == -1', '0xffffffffffffffff', '0')).toBe(true)
    expect(taken('r1 == -1', '0xffffffff', '0')).toBe(false)
    expect(taken('w1 == -1', '0xffffffff', '0')).toBe(true)
    expect(taken('r1 < -1', '0xffffffff', '0')).toBe(true)
  })

  it('may_goto falls through as often as Linux lets it, then jumps', () => {
    const text = 'r0 = 0\nloop:\nmay_goto end\nr0 += 1\ngoto loop\nend:\nexit'
    expect(r0(text)).toBe(BigInt(MAY_GOTO_LIMIT))
  })

  it('gotox goes only where its instruction array leads', () => {
    const program = (slot: number): Instruction[] => [
      { kind: 'lddw', source: 'imm64', dst: 1, imm: slot, imm2: INSTRUCTION_TAG },
      WIDE_TAIL,
      { kind: 'goto_indirect', dst: 1 },
      ...assemble('r0 = 1\nexit\nr0 = 2\nexit'),
    ]
    const indirectTargets = new Map([[2, [3, 5]]])
    expect(executeRawOnAll(program(3), undefined, { indirectTargets }).r0).toBe(1n)
    expect(executeRawOnAll(program(5), undefined, { indirectTargets }).r0).toBe(2n)
    expect(faultOf(() => executeRawOnAll(program(4), undefined, { indirectTargets }))).toMatchObject({
      kind: 'bad_jump',
      slot: 2,
    })
    expect(faultOf(() => executeRawOnAll(program(3))).kind).toBe('bad_jump')
  })
})

describe('packet loads', () => {
  const packet: PacketSource = {
    loadPacket: (offset, size) => (offset < 0 || offset + size > 6 ? -1 : [0, 0x11, 0x2233, 0, 0xf4556677][size]!),
  }
  it.each([
    ['r0 = *(u8 *)skb[5]', 0x11n],
    ['r0 = *(u16 *)skb[0]', 0x2233n],
    ['r0 = *(u32 *)skb[2]', 0xf4556677n],
    ['r3 = 1\nr0 = *(u32 *)skb[r3 + 1]', 0xf4556677n],
    ['r3 = -1\nr0 = *(u32 *)skb[r3 + 3]', 0xf4556677n],
    ['r0 = *(u32 *)skb[3]\nr0 = 7', 0n],
    ['r0 = 9\nr3 = -9\nr0 = *(u8 *)skb[r3 + 3]\nr0 = 7', 0n],
  ])('%s', (text, expected) => {
    expect(r0(`${text}\nexit`, undefined, { context: packet })).toBe(expected)
  })

  it('beyond the end leave the function, with 0', () => {
    const text = 'call function\nr0 += 5\nexit\nfunction:\nr0 = *(u8 *)skb[6]\nr0 = 1\nexit'
    expect(r0(text, undefined, { context: packet })).toBe(5n)
  })

  it('are a fault where the context is no packet', () => {
    expect(faultOf(() => r0('r0 = *(u8 *)skb[0]\nexit')).kind).toBe('no_packet')
  })
})

describe('a run', () => {
  it('starts with zeros in all registers but r1, r2 and r10', () => {
    const sum = [0, 3, 4, 5, 6, 7, 8, 9].map((n) => `r0 |= r${n}`).join('\n')
    expect(r0(`${sum}\nexit`, MEMORY)).toBe(0n)
    expect(r0('r0 = r2\nexit', MEMORY)).toBe(16n)
    expect(r0('r0 = r1\nexit')).toBe(0n)
  })

  it('repeats exactly: what a run left on the stack is gone', () => {
    const bench = new Bench()
    const spill = 'r0 = *(u64 *)(r10 - 8)\n*(u64 *)(r10 - 8) = 77\nexit'
    const escaping = 'r3 = r10\nr3 += -512\nr0 = *(u64 *)(r3 + 0)\n*(u64 *)(r3 + 0) = 77\nexit'
    for (const text of [spill, escaping]) {
      const program = bench.add(text)
      expect([1, 2].map(() => bench.interpreter.run(program, 0, 0))).toEqual([0, 0])
    }
  })

  it('refuses a big-endian program', () => {
    expect(() => executeRawOnAll(assemble('exit'), undefined, { byteOrder: 'big' })).toThrow(
      expect.objectContaining({ code: 'ERR_BYTE_ORDER' }),
    )
  })

  it('refuses a map that has no address yet', () => {
    const insns: Instruction[] = [
      { kind: 'lddw', source: 'map_fd', dst: 1, imm: 3, imm2: 0 },
      WIDE_TAIL,
      { kind: 'exit' },
    ]
    expect(() => executeRawOnAll(insns)).toThrow(/insn 0: map_fd 3 has no address yet/)
  })

  it('tells a hook of every instruction, with registers and depth', () => {
    const seen: [number, number, number][] = []
    r0('r0 = 1 ll\ncall function\nexit\nfunction:\nr0 = 2\nexit', undefined, {
      trace: (cpu, _program, slot, depth) => seen.push([slot, depth, cpu.registers[0]!]),
    })
    expect(seen).toEqual([
      [0, 1, 0],
      [2, 1, 1],
      [4, 2, 0],
      [5, 2, 2],
      [3, 1, 2],
    ])
  })

  it('lets a hook make memory grow, and take regions away', () => {
    const text = '*(u64 *)(r1 + 0) = 5\nr0 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r1 + 0)\nexit'
    for (const checked of [false, true]) {
      const trace = (cpu: VirtualCpu): unknown => cpu.memory.allocate(1 << 20)
      expect(r0(text, new Uint8Array(8), { trace, checked })).toBe(5n)
    }
    const trace = (cpu: VirtualCpu, _program: unknown, slot: number): void => {
      if (slot === 2) cpu.machine.regions.remove(cpu.registers[2]!)
    }
    expect(faultOf(() => r0(text, new Uint8Array(8), { trace, checked: true }))).toMatchObject({
      kind: 'out_of_bounds',
      slot: 2,
    })
  })

  it('costs the same with a hook', () => {
    const insns = assemble('r1 = 5\nloop:\nr1 -= 1\nif r1 != 0 goto loop\nexit')
    expect(executeRawOnAll(insns, undefined, { trace: () => {} }).charged).toBe(executeRawOnAll(insns).charged)
  })
})
