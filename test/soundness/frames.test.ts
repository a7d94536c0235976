/**
 * A compiled program clears of its frames what the verifier saw it read first, and no more: what other programs left on the stack
 * must not be seen. Random programs do, with a stack full of other values, what the interpreter does, which clears all.
 */
import { describe, expect, it } from 'vitest'
import { Generator } from '../../scripts/soundness/generator/generate.ts'
import { GeneratorMaps } from '../../scripts/soundness/maps.ts'
import { assemble } from '../../src/isa/index.ts'
import { type Program, Runtime } from '../../src/loader/index.ts'
import { ValueSource } from '../../src/loader/self-check/value-source.ts'
import { linux } from '../../src/spec/index.ts'
import { type Report, type VerifierProgram, verify } from '../../src/verifier/index.ts'
import { BpfFault } from '../../src/vm/index.ts'
import { runs, SEED } from '../support/runs.ts'
import { accept, caseProgram } from '../support/verifier-cases.ts'

const PLATFORM = linux()
const PROGRAMS = runs(3_000)
const BUDGET = 1500
const FRAMES = 9
const MINUTES = 60_000

type Packets = Program<Uint8Array, { readonly packet: Uint8Array }>

/** One of the two: the same maps at the same addresses, the same time, the same random numbers. */
class World {
  readonly runtime = new Runtime({ platform: PLATFORM })
  readonly values = new ValueSource(SEED)
  readonly objects = { bindMap() {}, addValue() {} }
  readonly maps: GeneratorMaps
  private readonly engine: 'interpreter' | 'jit'

  constructor(engine: 'interpreter' | 'jit') {
    this.engine = engine
    this.maps = new GeneratorMaps(this)
  }

  share(): void {}

  load(program: VerifierProgram, report: Report): Packets {
    const { insns } = this.maps.link(program)
    return this.runtime.loadProgram(insns, { type: program.type, report, engine: this.engine, checked: false })
  }

  soil(byte: number): void {
    const { cpu } = this.runtime.interpreter
    cpu.memory.u8.fill(byte, cpu.frameTop(1) - cpu.frameStride, cpu.frameTop(FRAMES))
  }

  run(program: Packets, packet: Uint8Array): unknown {
    try {
      const { retval, packet: left } = program.run(packet, { budget: BUDGET })
      return { retval, packet: left }
    } catch (error) {
      if (error instanceof BpfFault) return { fault: error.kind }
      throw error
    }
  }

  contents(): unknown {
    return this.maps.maps.flatMap(({ map, role }) => {
      const live = this.maps.named(map.name)!
      return role === 'array' || role === 'data' || role === 'hash'
        ? [...live.keys()].map((key) => live.getBytes(key))
        : []
    })
  }
}

describe('frames of compiled programs', () => {
  it(
    'hold no more of what was there before than those of interpreted ones',
    () => {
      const reference = new World('interpreter')
      const compiled = new World('jit')
      // Both are told of the same maps: those of the verifier's programs are the first one's.
      const [first, second] = [reference, compiled].map(({ maps }) => new Generator({ maps: maps.maps }))
      let accepted = 0
      let partly = 0
      for (let seed = SEED; accepted < PROGRAMS; seed++) {
        const [one, other] = [first!.generate(seed), second!.generate(seed)]
        const report = verify(one.program, PLATFORM, { author: 'trusted', insnLimit: 12_000, explain: false })
        if (report.verdict === 'reject') continue
        accepted++
        if (report.facts!.frames.some(({ readFirst: [low, high] }) => (low | high) !== 0)) partly++
        const programs = [reference.load(one.program, report), compiled.load(other.program, report)] as const
        for (const length of [14, 60, 98]) {
          const packet = reference.values.random.bytes(length)
          compiled.soil(seed & 0xff)
          const results = [reference.run(programs[0], packet), compiled.run(programs[1], packet)]
          expect(results[1], `seed ${seed}`).toEqual(results[0])
        }
        expect(compiled.contents(), `seed ${seed}`).toEqual(reference.contents())
        for (const program of programs) program.dispose()
      }
      console.log(`${accepted} programs of seed ${SEED}, ${partly} of which read something first`)
      expect(partly).toBeGreaterThan(accepted / 20)
    },
    10 * MINUTES,
  )
})

describe('what a program reads of its frame before it writes it', () => {
  const readFirst = (text: string): Record<number, readonly [number, number]> => {
    const insns = assemble(text)
    const report = verify({ name: 'test', type: 'xdp', insns, license: 'GPL' }, PLATFORM)
    expect(report.error?.reason).toBeUndefined()
    return Object.fromEntries(report.facts!.frames.map(({ entry, readFirst }) => [entry, readFirst]))
  }

  it('is nothing where all of a slot is written on every way', () => {
    expect(readFirst('r1 = 1\n*(u64 *)(r10 - 8) = r1\nr0 = *(u64 *)(r10 - 8)\nr0 = 1\nexit')).toEqual({ 0: [0, 0] })
  })

  it('is a slot that is written in part', () => {
    expect(readFirst('r1 = 1\n*(u32 *)(r10 - 16) = r1\nr0 = *(u64 *)(r10 - 16)\nr0 = 1\nexit')).toEqual({ 0: [2, 0] })
  })

  it('is a slot that is written on one way only', () => {
    const text = `r1 = *(u32 *)(r1 + 16)
      r2 = 0
      if r1 == 0 goto over
      *(u64 *)(r10 - 512) = r2
      over:
      r0 = *(u64 *)(r10 - 512)
      r0 = 1
      exit`
    expect(readFirst(text)).toEqual({ 0: [0, -0x80000000] })
  })

  it('is what a called function reads through a pointer', () => {
    const text = `r1 = r10
      r1 += -24
      call callee
      r0 = 1
      exit
      callee:
      *(u64 *)(r10 - 8) = r1
      r2 = *(u64 *)(r10 - 8)
      r0 = *(u64 *)(r2 + 0)
      exit`
    expect(readFirst(text)).toEqual({ 0: [4, 0], 5: [0, 0] })
  })

  describe.each([
    ['a packet load', 'r6 = r1\nr0 = *(u8 *)skb[200]'],
    ['a tail call', 'r2 = map(programs)\nr3 = 0\ncall tail_call'],
  ])('is what a called function may not come to write: %s may end it before', (_, leave) => {
    const facts = (callee: string): unknown => {
      const text = `r2 = r10\nr2 += -8\ncall callee\nr0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit\ncallee:\nr7 = r2\n${callee}\nr0 = 0\nexit`
      const program = caseProgram(accept(text, { type: 'sched_cls', functions: ['step'] }), PLATFORM)
      const report = verify(program, PLATFORM)
      expect(report.error?.reason).toBeUndefined()
      return report.facts!.frames[0]!.readFirst
    }
    const write = '*(u64 *)(r7 + 0) = 1'

    it('behind', () => {
      expect(facts(`${leave}\n${write}`)).toEqual([1, 0])
    })

    it('not ahead', () => {
      expect(facts(`${write}\n${leave}`)).toEqual([0, 0])
    })
  })

  it('keeps apart what differs where a tail call may return to the caller before the slot is written', () => {
    // Where the call is taken to write the slot in any case, the second path is covered by the first.
    const text = `r9 = *(u32 *)(r1 + 0)
      r6 = r1
      *(u32 *)(r10 - 12) = 0
      r1 = map(table)
      r2 = r10
      r2 += -12
      call map_lookup_elem
      if r0 == 0 goto out
      r8 = r0
      *(u64 *)(r10 - 8) = r8
      if r9 == 7 goto other
      goto over
      other:
      r7 = 4096
      *(u64 *)(r10 - 8) = r7
      over:
      r9 = 0
      r7 = 0
      r0 = 0
      r1 = r6
      r2 = r10
      r2 += -8
      r3 = r8
      goto +0
      call callee
      r1 = *(u64 *)(r10 - 8)
      *(u64 *)(r1 + 0) = 5
      out:
      r0 = 0
      exit
      callee:
      r7 = r2
      r8 = r3
      r2 = map(programs)
      r3 = 0
      call tail_call
      *(u64 *)(r7 + 0) = r8
      r0 = 0
      exit`
    const program = caseProgram(accept(text, { type: 'sched_cls', functions: ['step'] }), PLATFORM)
    expect(verify(program, PLATFORM, { author: 'trusted' }).error?.code).toBe('wrong_type')
  })
})
