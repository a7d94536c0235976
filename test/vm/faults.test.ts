/** Faults: named, at the instruction and its C line, on what a program may not do; and nothing is written. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assemble, decodeProgram, type Instruction, validateProgram } from '../../src/isa/index.ts'
import { AnybpfError } from '../../src/util/index.ts'
import { BpfFault, type ExecuteRawOptions, executeRaw, type FaultKind } from '../../src/vm/index.ts'
import { arbitraryInsns } from '../support/arbitrary-insn.ts'
import { executeRawOnAll } from '../support/both-engines.ts'
import { runs, SEED } from '../support/runs.ts'
import { Bench, faultOf, helper, r0 } from './support.ts'

const MEMORY = new Uint8Array(16)

describe('in checked mode', () => {
  it.each<[string, FaultKind, number]>([
    ['r0 = *(u8 *)(r1 + 16)\nexit', 'out_of_bounds', 0],
    ['r0 = *(u64 *)(r1 + 9)\nexit', 'out_of_bounds', 0],
    ['r0 = *(u8 *)(r1 - 1)\nexit', 'out_of_bounds', 0],
    ['r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit', 'null', 1],
    ['r1 = 0\nr0 = *(u32 *)(r1 + 4096)\nexit', 'null', 1],
    ['r1 = -1\nr0 = *(u8 *)(r1 + 0)\nexit', 'out_of_bounds', 1],
    ['r1 = 4\nr0 = *(u8 *)(r1 - 8)\nexit', 'out_of_bounds', 1],
    ['r3 = 1\nr3 <<= 32\nr1 += r3\nr0 = *(u8 *)(r1 + 0)\nexit', 'out_of_bounds', 3],
    ['r0 = *(u8 *)(r10 + 0)\nexit', 'stack', 0],
    ['r0 = *(u64 *)(r10 - 4)\nexit', 'stack', 0],
    ['r0 = *(u8 *)(r10 - 513)\nexit', 'stack', 0],
    ['*(u64 *)(r10 - 1000) = 1\nexit', 'stack', 0],
    ['call f\nr0 = *(u8 *)(r0 + 0)\nexit\nf:\nr0 = r10\nr0 += -8\nexit', 'stack', 1],
    ['lock *(u32 *)(r1 + 2) += r2\nexit', 'misaligned_atomic', 0],
    ['lock *(u64 *)(r10 - 12) += r2\nexit', 'misaligned_atomic', 0],
    ['r0 = load_acquire((u16 *)(r1 + 1))\nexit', 'misaligned_atomic', 0],
    ['store_release((u64 *)(r1 + 4), r2)\nexit', 'misaligned_atomic', 0],
  ])('%s: %s', (text, kind, slot) => {
    const fault = faultOf(() => r0(text, MEMORY, { checked: true }))
    expect([fault.kind, fault.slot, fault.code]).toEqual([kind, slot, 'ERR_FAULT'])
  })

  it('a region that is read-only can be read, and not written', () => {
    const bench = new Bench()
    const address = bench.machine.memory.allocate(16)
    bench.machine.regions.add({ start: address, end: address + 16, writable: false, name: 'rodata' })
    const run = (text: string): number => bench.interpreter.run(bench.add(text), address, 16, { checked: true })
    expect(run('r0 = *(u64 *)(r1 + 8)\nexit')).toBe(0)
    const fault = faultOf(() => run('r0 = *(u64 *)(r1 + 8)\n*(u8 *)(r1 + 8) = 1\nexit'))
    expect(fault).toMatchObject({ kind: 'write_protected', slot: 1 })
    expect(fault.message).toMatch(/rodata is read-only/)
    expect(bench.machine.memory.read(address, 16)).toEqual(new Uint8Array(16))
  })

  it('a region that a helper takes away is gone at once', () => {
    const bench: Bench = new Bench([
      helper(1, 'void', () => {
        bench.machine.regions.remove(address)
        return 0
      }),
    ])
    const address = bench.machine.memory.allocate(16)
    const region = { start: address, end: address + 16, writable: true, name: 'record' }
    bench.machine.regions.add(region)
    const program = bench.add('r6 = r1\n*(u64 *)(r6 + 0) = 1\ncall 1\n*(u64 *)(r6 + 8) = 1\nexit')
    expect(faultOf(() => bench.interpreter.run(program, address, 16, { checked: true }))).toMatchObject({ slot: 3 })
  })

  it('a region with holes is asked for each access', () => {
    const bench = new Bench()
    const address = bench.machine.memory.allocate(64)
    const covers = (start: number, size: number): boolean =>
      (start - address) % 16 < 8 && ((start - address) % 16) + size <= 8
    bench.machine.regions.add({ start: address, end: address + 64, writable: true, name: 'map counters', covers })
    const run = (text: string): number => bench.interpreter.run(bench.add(text), address, 0, { checked: true })
    expect(run('*(u64 *)(r1 + 16) = 3\nr0 = *(u64 *)(r1 + 16)\nexit')).toBe(3)
    expect(faultOf(() => run('r0 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r1 + 8)\nexit'))).toMatchObject({
      kind: 'out_of_bounds',
      slot: 1,
    })
  })

  it('a checked run after an unchecked one is checked', () => {
    const bench = new Bench()
    const address = bench.machine.memory.allocate(16)
    const program = bench.add('r0 = *(u64 *)(r1 + 0)\nexit')
    expect(bench.interpreter.run(program, address, 0)).toBe(0)
    expect(faultOf(() => bench.interpreter.run(program, address, 0, { checked: true })).kind).toBe('out_of_bounds')
    expect(bench.interpreter.run(program, address, 0)).toBe(0)
  })
})

describe('in either mode', () => {
  it.each<[string, FaultKind]>([
    ['r1 = 0xffffff00 ll\nr0 = *(u8 *)(r1 + 0)\nexit', 'out_of_bounds'],
    ['r1 = 0xfffffff0 ll\nr0 = *(u8 *)(r1 + 32)\nexit', 'out_of_bounds'],
    ['r1 = 0\n*(u8 *)(r1 + 100) = 1\nexit', 'null'],
    ['goto +5\nexit', 'bad_jump'],
    ['r0 = 1', 'bad_jump'],
    ['call 500\nexit', 'unknown_helper'],
    ['r1 = -1\ncallx r1\nexit', 'bad_call'],
    ['lock *(u64 *)(r10 - 12) += r2\nexit', 'misaligned_atomic'],
  ])('%s: %s', (text, kind) => {
    for (const checked of [false, true]) expect(faultOf(() => r0(text, MEMORY, { checked })).kind).toBe(kind)
  })

  // The JIT takes addresses modulo 2^32, and adds offsets without wrapping: only programs that nobody verified can tell.
  it('of the interpreter an address has 64 bits', () => {
    const run = (text: string, checked = false): bigint => executeRaw(assemble(text), MEMORY, { checked }).r0
    for (const checked of [false, true]) {
      const far = 'r1 = 0x100000000 ll\nr0 = *(u8 *)(r1 + 0)\nexit'
      expect(faultOf(() => run(far, checked)).kind).toBe('out_of_bounds')
      expect(faultOf(() => run('r1 = -16\n*(u8 *)(r1 + 32) = 1\nexit', checked)).kind).toBe('null')
    }
    expect(run('r1 = -16\nr0 = *(u64 *)(r1 + 32)\nexit')).toBe(0n)
  })

  it('an access outside of the memory is a fault at its edge', () => {
    const size = new Bench().machine.memory.u8.length
    const text = (address: number): string => `r1 = ${address} ll\nr0 = *(u32 *)(r1 + 0)\nexit`
    const bench = new Bench()
    expect(bench.interpreter.run(bench.add(text(size - 4)), 0, 0)).toBeTypeOf('number')
    expect(faultOf(() => bench.interpreter.run(bench.add(text(size - 3)), 0, 0)).kind).toBe('out_of_bounds')
  })

  it('a fault names program, instruction, C line, address and size', () => {
    const lines = [
      { slot: 0, file: 'prog.c', line: 11 },
      { slot: 2, file: 'prog.c', line: 31 },
    ]
    const fault = faultOf(() =>
      r0('r1 = 0\nr0 = 0\nr2 = r1\n*(u32 *)(r2 + 4) = 1\nexit', MEMORY, { lines, name: 'xdp_prog' }),
    )
    expect(fault.message).toBe('xdp_prog: insn 3 (prog.c:31): NULL pointer dereference: write of 4 bytes at 0x4')
    expect(fault.details).toEqual({
      kind: 'null',
      program: 'xdp_prog',
      slot: 3,
      address: '0x4',
      size: 4,
      file: 'prog.c',
      line: 31,
    })
  })

  it('what a helper cannot take is a fault of the instruction that calls it', () => {
    const bench = new Bench([
      helper(1, 'i32', () => {
        throw new AnybpfError('ERR_FAULT', 'helper1: not a map')
      }),
    ])
    const fault = faultOf(() => bench.interpreter.run(bench.add('r0 = 0\ncall 1\nexit'), 0, 0))
    expect(fault).toMatchObject({ kind: 'helper', slot: 1, message: 'test: insn 1: helper1: not a map' })
  })

  it('a jump that leaves the program is blamed on the jump, one into an lddw too', () => {
    expect(faultOf(() => r0('r0 = 0\nif r0 == 0 goto +7\nexit')).slot).toBe(1)
    expect(faultOf(() => r0('goto +1\nr0 = 1 ll\nexit')).slot).toBe(0)
    expect(faultOf(() => r0('r0 = 0\nr1 = 2')).slot).toBe(1)
  })
})

describe('the budget', () => {
  const LOOP = 'r0 = 0\nloop:\nr0 += 1\nr0 += 0\ngoto loop'

  /** One block of an instruction, `turns` of three, and one of one. */
  function finite(turns: number): Instruction[] {
    const insns: Instruction[] = [
      { kind: 'alu', op: 'mov', width: 64, dst: 1, src: { imm: turns } },
      { kind: 'alu', op: 'sub', width: 64, dst: 1, src: { imm: 1 } },
      { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { reg: 1 } },
      { kind: 'jump', op: 'ne', width: 64, dst: 1, src: { imm: 0 }, off: -3 },
      { kind: 'exit' },
    ]
    return insns
  }

  it('is charged by the block, where the block is entered', () => {
    const fault = faultOf(() => r0(LOOP, undefined, { budget: 100 }))
    expect([fault.code, fault.kind, fault.slot]).toEqual(['ERR_BUDGET', 'budget', 1])
    expect(fault.message).toMatch(/the budget of 100 instructions is used up/)
    // 1 for the first block, 3 for each turn: the 34th does not fit.
    expect(executeRawOnAll(finite(33), undefined, { budget: 102 }).charged).toBe(101)
    expect(faultOf(() => executeRawOnAll(finite(34), undefined, { budget: 102 })).kind).toBe('budget')
  })

  it('is by default large, and 0 means none', () => {
    expect(executeRawOnAll(finite(100_000), undefined, {}).charged).toBe(300_002)
    expect(executeRawOnAll(finite(100_000), undefined, { budget: 0 }).charged).toBeNaN()
  })

  it('may be larger than a small integer', () => {
    expect(executeRawOnAll(finite(10), undefined, { budget: 2 ** 40 }).charged).toBe(32)
  })
})

describe('hostile programs', () => {
  const OPTIONS = { budget: 5000 }

  /** Any outcome but a result, or an error of ours, is a defect. */
  function survive(insns: readonly Instruction[], options: ExecuteRawOptions): string {
    try {
      return executeRaw(insns, MEMORY, { ...OPTIONS, ...options }).r0.toString(16)
    } catch (error) {
      if (!(error instanceof AnybpfError)) throw error
      return `${error instanceof BpfFault ? error.kind : error.code} ${error.message}`
    }
  }

  it('random instructions give a result or a named fault, twice the same', () => {
    const outcomes = new Set<string>()
    fc.assert(
      fc.property(arbitraryInsns({ maxLength: 30 }), fc.boolean(), (insns, checked) => {
        const outcome = survive(insns, { checked })
        outcomes.add(outcome.split(' ')[0]!)
        expect(survive(insns, { checked })).toBe(outcome)
        // The JIT takes addresses modulo 2^32, so it may find another end.
        survive(insns, { engine: 'jit' })
      }),
      { seed: SEED, numRuns: runs(20000) },
    )
    expect(outcomes.size).toBeGreaterThan(8)
  })

  it('random bytes that decode and validate give a result or a named fault', () => {
    // Opcode bytes of one-slot instructions whose other fields are mostly free, so that much of it decodes.
    const opcodes = [
      0x07, 0x0f, 0xb7, 0xbf, 0x61, 0x63, 0x71, 0x79, 0x7b, 0x05, 0x15, 0x1d, 0x2d, 0x55, 0x85, 0x8d, 0x95,
    ]
    const slot = fc
      .tuple(
        fc.constantFrom(...opcodes),
        fc.nat(0xaa),
        fc.integer({ min: -4, max: 4 }),
        fc.integer({ min: -9, max: 9 }),
      )
      .map(([code, registers, off, imm]) => {
        const view = new DataView(new ArrayBuffer(8))
        view.setUint8(0, code)
        view.setUint8(1, registers)
        view.setInt16(2, off, true)
        view.setInt32(4, imm, true)
        return new Uint8Array(view.buffer)
      })
    const noise = fc.uint8Array({ minLength: 8, maxLength: 8 })
    const program = fc.array(fc.oneof({ weight: 30, arbitrary: slot }, { weight: 1, arbitrary: noise }), {
      minLength: 1,
      maxLength: 12,
    })
    let executed = 0
    fc.assert(
      fc.property(program, fc.boolean(), (slots, checked) => {
        const insns: Instruction[] = [...slots.flatMap(decodable), { kind: 'exit' }]
        if (validateProgram(insns).length > 0) return
        executed++
        survive(insns, { checked })
        survive(insns, { engine: 'jit' })
      }),
      { seed: SEED, numRuns: runs(20000) },
    )
    expect(executed).toBeGreaterThan(runs(20000) / 50)
  })

  /** The instruction, or none where its unused fields are not zero. */
  function decodable(bytes: Uint8Array): Instruction[] {
    try {
      return decodeProgram(bytes, 'little')
    } catch (error) {
      if (error instanceof AnybpfError && error.code === 'ERR_DECODE') return []
      throw error
    }
  }
})
