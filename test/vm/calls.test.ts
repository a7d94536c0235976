/** Calls: BPF functions, function addresses, helpers, tail calls, and helpers that call back. */
import { describe, expect, it } from 'vitest'
import { assemble, type Instruction, WIDE_TAIL } from '../../src/isa/index.ts'
import { FUNCTION_TAG, type HelperDefinition } from '../../src/vm/index.ts'
import { Bench, ENGINES, faultOf, helper, r0 } from './support.ts'

/** `r2 = address of the function at slot`, then the rest of the program. */
function withAddress(slot: number, rest: string): Instruction[] {
  return [{ kind: 'lddw', source: 'code_addr', dst: 2, imm: slot - 1, imm2: 0 }, WIDE_TAIL, ...assemble(rest)]
}

describe.each(ENGINES)('on the %s,', (engine) => {
  describe('a local call', () => {
    it('gives r1 to r5 to the callee, and gives the caller all its registers back', () => {
      const text = `r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\nr6 = 60\nr9 = 90\nr7 = r10
call sum\nr0 += r6\nr0 += r9\nr0 += r1\nif r7 == r10 goto same\nr0 = 0\nsame:\nexit
sum:\nr0 = r1\nr0 += r2\nr0 += r3\nr0 += r4\nr0 += r5\nr0 += r6\nr6 = -1\nr9 = -1\nr1 = 1000\nexit`
      expect(r0(text)).toBe(15n + 60n + 90n + 1n)
    })

    it('has a frame of its own, from which the caller’s can be reached by pointer', () => {
      const text = `*(u64 *)(r10 - 8) = 5\nr1 = r10\nr1 += -8\ncall function\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit
function:\nr0 = *(u64 *)(r10 - 8)\n*(u64 *)(r10 - 8) = 100\n*(u64 *)(r1 + 0) = 7\nexit`
      for (const checked of [false, true]) expect(r0(text, undefined, { checked })).toBe(7n)
    })

    it('nests eight frames deep, and no deeper', () => {
      // Each call passes one less in r1; r0 counts the frames.
      const text = (depth: number) =>
        `r1 = ${depth}\ncall f\nr0 += 1\nexit\nf:\nr0 = 1\nif r1 == 1 goto end\nr1 -= 1\ncall f\nr0 += 1\nend:\nexit`
      expect(r0(text(7))).toBe(8n)
      expect(faultOf(() => r0(text(8)))).toMatchObject({ kind: 'call_depth', slot: 7 })
    })
  })

  describe('a function address', () => {
    it('is called by callx, also in another program', () => {
      const bench = new Bench([], engine)
      const insns = withAddress(4, 'callx r2\nexit\nr0 = 42\nexit')
      expect(bench.run(bench.add('', { insns }), 0, 0)).toBe(42)
      // The address, kept in r0, and called by a second program.
      const giver = bench.add('', { insns: withAddress(5, 'r0 = r2\nexit\nexit\nr0 = 43\nr0 += r1\nexit') })
      const index = bench.run(giver, 0, 0)
      const taker: Instruction[] = [
        { kind: 'lddw', source: 'imm64', dst: 3, imm: index, imm2: FUNCTION_TAG },
        WIDE_TAIL,
        ...assemble('r1 = 5\ncallx r3\nr0 += 100\nexit'),
      ]
      const caller = bench.add('', { insns: taker })
      expect(bench.run(caller, 0, 0)).toBe(148)
      bench.machine.removeProgram(giver)
      expect(faultOf(() => bench.run(caller, 0, 0))).toMatchObject({ kind: 'bad_call', slot: 3 })
    })

    it('is no data address', () => {
      const insns = withAddress(4, 'r0 = *(u8 *)(r2 + 0)\nexit\nexit')
      const bench = new Bench([], engine)
      const program = bench.add('', { insns })
      // To the JIT it is one in page zero.
      if (engine === 'jit') expect(bench.run(program, 0, 0)).toBe(0)
      else expect(faultOf(() => bench.run(program, 0, 0)).kind).toBe('out_of_bounds')
    })

    it('of no function is refused when the program is added', () => {
      expect(() => new Bench([], engine).add('', { insns: withAddress(9, 'exit') })).toThrow(
        expect.objectContaining({ code: 'ERR_LINK' }),
      )
    })

    it('below 2^32 is the number of a helper', () => {
      const bench = new Bench([helper(5, 'u32', () => 9)], engine)
      expect(bench.run(bench.add('r2 = 5\ncallx r2\nexit'), 0, 0)).toBe(9)
      expect(faultOf(() => bench.run(bench.add('r2 = 6\ncallx r2\nexit'), 0, 0)).kind).toBe('unknown_helper')
    })
  })

  describe('a helper', () => {
    const run = (definition: HelperDefinition, text: string): bigint => {
      const bench = new Bench([definition], engine)
      bench.run(bench.add(text), 0, 0)
      const [low, high] = bench.cpu.registers
      return (BigInt(high! >>> 0) << 32n) | BigInt(low! >>> 0)
    }

    it.each([
      ['i32', -1, 0xffffffffffffffffn],
      ['u32', -1, 0xffffffffn],
      ['u64', -1, 0n],
      ['void', -1, 0n],
    ] as const)('that returns %s', (returns, result, expected) => {
      expect(
        run(
          helper(1, returns, () => result),
          'r0 = 5\ncall 1\nexit',
        ),
      ).toBe(expected)
    })

    it('sees all of its arguments, and can set all of r0', () => {
      const definition = helper(1, 'u64', (cpu, r1, r2, r3, r4, r5) => {
        expect([r1, r2, r3, r4, r5]).toEqual([1, -2, 3, 4, 5])
        cpu.setResult(cpu.argHigh(1), cpu.argHigh(2))
        return 0
      })
      expect(run(definition, 'r1 = 0x7700000001 ll\nr2 = -2\nr3 = 3\nr4 = 4\nr5 = 5\ncall 1\nexit')).toBe(
        0xffffffff00000077n,
      )
    })

    it('that does not exist is a fault where it is called', () => {
      expect(faultOf(() => r0('r0 = 1\ncall 77\nexit'))).toMatchObject({ kind: 'unknown_helper', slot: 1 })
      expect(r0('r0 = 1\nexit\ncall 77\nexit')).toBe(1n)
    })

    it('may grow the memory', () => {
      const grow = helper(1, 'u32', (cpu) => {
        const address = cpu.memory.allocate(300_000)
        cpu.machine.regions.add({ start: address, end: address + 300_000, writable: true, name: 'grown' })
        return address
      })
      const text = 'call 1\nr0 += 299992\n*(u64 *)(r0 + 0) = 7\nr0 = *(u64 *)(r0 + 0)\nexit'
      for (const checked of [false, true]) {
        const bench = new Bench([grow], engine)
        expect(bench.run(bench.add(text), 0, 0, { checked })).toBe(7)
      }
    })
  })

  describe('a helper that calls back', () => {
    /** bpf_loop: calls r2 with 0, 1, … and r3, r1 times, until it returns 1. */
    const loop = helper(181, 'i32', (cpu, count, low, context) => {
      const high = cpu.argHigh(2)
      let i = 0
      while (i < count && cpu.callFunction(low, high, i, context) !== 1) i++
      return i
    })

    it('runs the function in a frame above, and its own arguments stay', () => {
      const bench = new Bench([loop], engine)
      const rest = `*(u64 *)(r10 - 8) = 0\nr1 = 10\nr3 = r10\nr3 += -8\nr6 = 1000\ncall 181\nr0 = *(u64 *)(r10 - 8)\nr0 += r6\nexit
r3 = *(u64 *)(r2 + 0)\nr3 += r1\n*(u64 *)(r2 + 0) = r3\nr6 = 5\nr0 = 0\nexit`
      const program = bench.add('', { insns: withAddress(11, rest) })
      for (const checked of [false, true]) expect(bench.run(program, 0, 0, { checked })).toBe(1045)
    })

    it('shares the budget, and the depth', () => {
      const bench = new Bench([loop], engine)
      const forever = bench.add('', { insns: withAddress(5, 'r1 = 0x7fffffff\ncall 181\nexit\nr0 = 0\nexit') })
      expect(faultOf(() => bench.run(forever, 0, 0, { budget: 1000 }))).toMatchObject({
        kind: 'budget',
        slot: 5,
      })
      expect(bench.cpu.depth).toBe(0)
      const nested = bench.add('', { insns: withAddress(5, 'r1 = 1\ncall 181\nexit\nf:\ncall f\nexit') })
      expect(faultOf(() => bench.run(nested, 0, 0)).kind).toBe('call_depth')
      expect(bench.run(bench.add('r0 = 3\nexit'), 0, 0)).toBe(3)
    })

    it('may catch a fault of the function, and goes on where it was', () => {
      const guarded = helper(1, 'i32', (cpu, _r1, low, r3) => {
        try {
          return cpu.callFunction(low, cpu.argHigh(2), r3)
        } catch {
          return 1
        }
      })
      const bench = new Bench([guarded], engine)
      // The function calls one that dereferences NULL; the caller's frame pointer and registers must be as before.
      const rest = `r6 = 40\n*(u64 *)(r10 - 8) = 60\nr3 = 0\ncall 1\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nr0 += r6\nexit
r6 = 1\ncall f\nexit\nf:\nr6 = 2\nr0 = *(u64 *)(r1 + 0)\nexit`
      const program = bench.add('', { insns: withAddress(10, rest) })
      expect(bench.run(program, 0, 0, { checked: true })).toBe(101)
    })

    it('cannot do so outside of a run', () => {
      expect(() => new Bench([], engine).cpu.callFunction(0, FUNCTION_TAG, 0)).toThrow(
        expect.objectContaining({ code: 'ERR_USAGE' }),
      )
    })

    it('gets a named fault for what is no function', () => {
      const bench = new Bench([loop], engine)
      expect(faultOf(() => bench.run(bench.add('r1 = 1\nr2 = 5\ncall 181\nexit'), 0, 0))).toMatchObject({
        kind: 'bad_call',
        slot: 2,
      })
    })
  })

  describe('a tail call', () => {
    const tail = helper(12, 'i32', (_cpu, _context, _map, index) => index, true)

    it('replaces the program, with r1 as it was', () => {
      const bench = new Bench([tail], engine)
      const target = bench.add('r0 = r1\nr0 += r6\nr0 += r2\nexit')
      expect(bench.run(bench.add(`r1 = 7\nr6 = 100\nr3 = ${target.index}\ncall 12\nr0 = 1\nexit`), 0, 0)).toBe(7)
    })

    it('in a function returns to the function’s caller', () => {
      const bench = new Bench([tail], engine)
      const target = bench.add('r0 = 20\nexit')
      const text = `r6 = 3\ncall f\nr0 += r6\nexit\nf:\nr3 = ${target.index}\ncall 12\nr0 = 1\nexit`
      for (const checked of [false, true]) expect(bench.run(bench.add(text), 0, 0, { checked })).toBe(23)
    })

    it('goes on where the slot is empty', () => {
      const bench = new Bench([tail], engine)
      for (const index of [-1, 55]) {
        expect(
          bench.run(bench.add(`r3 = ${index}\ncall 12\nif r0 s< 0 goto end\nexit\nend:\nr0 = 8\nexit`), 0, 0),
        ).toBe(8)
      }
    })

    it('happens 33 times in a run, and then no more', () => {
      const bench = new Bench([tail], engine)
      const [counter] = [bench.machine.memory.allocate(8)]
      // Program 0 counts its runs in memory and calls itself.
      const program = bench.add(
        'r2 = *(u64 *)(r1 + 0)\nr2 += 1\n*(u64 *)(r1 + 0) = r2\nr3 = 0\ncall 12\nr0 = *(u64 *)(r1 + 0)\nexit',
      )
      expect(program.index).toBe(0)
      expect(bench.run(program, counter!, 8)).toBe(34)
      expect(bench.run(program, counter!, 8)).toBe(68)
    })

    it('in a function nests as deep as it may, each time with a frame of its own, if it was verified', () => {
      const bench = new Bench([tail], engine)
      const behind = bench.machine.memory.allocate(64)
      // Each round calls a function, which fills its frame and calls the program again: 34 frames.
      const text =
        'call f\nexit\nf:\nr4 = 0x41414141 ll\n*(u64 *)(r10 - 8) = r4\nr2 = 0\nr3 = 0\ncall 12\nr0 = *(u64 *)(r10 - 8)\nexit'
      const program = bench.add(text, { verified: true })
      const before = bench.machine.memory.read(behind, 64)
      expect(bench.run(program, 0, 0)).toBe(0x41414141)
      expect(bench.machine.memory.read(behind, 64)).toEqual(before)
      expect(bench.cpu.frameTop(34)).toBeLessThan(behind)
    })
  })

  describe('a machine', () => {
    it('gives a released slot to the next program', () => {
      const bench = new Bench([], engine)
      const first = bench.add('r0 = 1\nexit')
      bench.machine.removeProgram(first)
      const second = bench.add('r0 = 2\nexit')
      expect(second.index).toBe(first.index)
      expect(bench.run(second, 0, 0)).toBe(2)
    })

    it('runs one program at a time on a CPU', () => {
      const bench: Bench = new Bench([helper(1, 'i32', () => bench.run(bench.add('exit'), 0, 0))], engine)
      expect(() => bench.run(bench.add('call 1\nexit'), 0, 0)).toThrow(/running a program already/)
    })
  })
})
