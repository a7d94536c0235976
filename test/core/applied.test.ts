/**
 * What becomes of CO-RE relocations where objects are verified, loaded, run and listed.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Btf, CoreResolver, essentialName } from '../../src/btf/index.ts'
import { Runtime, VerificationError, verifyObject } from '../../src/loader/index.ts'
import { CoreRelocations, linkProgram, type ObjectSpec, parseObject, readTypes } from '../../src/object/index.ts'
import { CORE_POISON_HELPER, linux } from '../../src/spec/index.ts'
import { AnybpfError, isAnybpfError } from '../../src/util/index.ts'
import { BtfBuilder } from '../support/btf-builder.ts'
import { cli } from '../support/cli.ts'
import { DIRECTORY } from './libbpf-log.ts'

const path = (name: string): string => join(DIRECTORY, name)
const object = (name: string): ObjectSpec => parseObject(readFileSync(path(`${name}.o`)))
const types = (name: string): Btf => readTypes(readFileSync(path(`targets/${name}.o`)))

describe('essential names', () => {
  it.each([
    ['task_struct', 'task_struct'],
    ['task_struct___old', 'task_struct'],
    ['a___b___c', 'a___b'],
    ['a____b', 'a____b'],
    ['a____b___c', 'a____b'],
    ['___a', '___a'],
    ['a___', 'a___'],
    ['a___b__', 'a'],
    ['', ''],
  ])('of %j is %j', (name, essential) => {
    expect(essentialName(name)).toBe(essential)
  })
})

describe('an object without a target', () => {
  it('stays as it was compiled', () => {
    const spec = object('guarded')
    const linked = linkProgram(spec, spec.programs['guarded']!)
    expect(linked.insns).toEqual(spec.programs['guarded']!.insns)
    expect(linked.poisoned.size).toBe(0)
  })

  it('has the ids of its own types, whatever the instructions say', () => {
    const spec = object('type-ids')
    const program = spec.programs['target']!
    const wanted = linkProgram(spec, program).insns
    for (const { slot } of program.coreRelocations) {
      const insn = program.insns[slot]!
      if (insn.kind === 'lddw') program.insns[slot] = { ...insn, imm: 12345 }
    }
    expect(linkProgram(spec, program).insns).toEqual(wanted)
  })
})

describe('verifying', () => {
  const reports = (target: string | undefined): Map<string, ReturnType<typeof verifyObject>[number]> => {
    const options = target === undefined ? {} : { targetBtf: types(target) }
    const all = verifyObject(object('guarded'), linux(), { author: 'trusted', ...options })
    return new Map(all.map((report) => [report.name, report]))
  }

  it('explains an instruction that reads what is not there', () => {
    const { verdict, error } = reports('plain').get('unguarded')!
    expect(verdict).toBe('reject')
    expect(error).toMatchObject({
      code: 'unresolved_relocation',
      message: 'failed to resolve CO-RE relocation <byte_off> [5] struct thing.never (0:1 @ offset 4)',
    })
    expect(error!.reason).toContain('`struct thing.never`')
    expect(error!.fix).toContain('bpf_core_field_exists(p->')
    expect(error!.source?.text).toContain('never')
  })

  it('does not mind one that cannot be reached', () => {
    const report = reports('plain').get('guarded')!
    expect(report.error).toBeUndefined()
    // The relocated question decides the branch.
    expect(report.stats.insnsProcessed).toBeLessThan(6)
  })

  it('logs what libbpf makes of the kernel’s log', () => {
    const [, unguarded] = verifyObject(object('guarded'), linux(), { targetBtf: types('plain'), logLevel: 1 })
    const at = unguarded!.error!.insn
    expect(unguarded!.log).toContain(
      `${at}: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> [5] struct thing.never (0:1 @ offset 4)\n`,
    )
  })

  it('takes the kernel’s types for the target unless another is named', () => {
    const verdicts = (options: object): string[] =>
      verifyObject(object('guarded'), linux(), options).map(({ error }) => error?.code ?? 'accept')
    expect(verdicts({ kernelBtf: types('plain') })).toContain('unresolved_relocation')
    expect(verdicts({ kernelBtf: types('plain'), targetBtf: object('guarded').btf! })).not.toContain(
      'unresolved_relocation',
    )
  })

  it('rejects a program whose relocation is ambiguous, and no other', () => {
    const all = verifyObject(object('ambiguous-offset'), linux(), { targetBtf: types('twice') })
    const disputed = all.find(({ name }) => name === 'disputed')!
    expect(disputed.error?.code).toBe('invalid_program')
    expect(disputed.error?.message).toMatch(
      /^disputed: insn \d+: CO-RE relocation <byte_off> .*: ambiguous: the field is at bit 32 of type \d+, and at bit 64 of type \d+$/,
    )
    const agreed = all.find(({ name }) => name === 'agreed')!
    expect(agreed.error?.code).not.toBe('invalid_program')
  })
})

describe('loading', () => {
  const run = (name: string, program: string, target: string): number => {
    const runtime = new Runtime()
    try {
      const loaded = runtime.load(object(name), { programs: [program], targetBtf: types(target), verify: false })
      return loaded.program(program).run(new Uint8Array(64)).retval
    } finally {
      runtime.dispose()
    }
  }

  it('runs what was relocated', () => {
    expect(run('enum-values', 'done', 'plain')).toBe(7)
    expect(run('enum-values', 'done', 'moved') | 0).toBe(-3)
    expect(run('type-sizes', 'inner', 'moved')).toBe(24)
    expect(run('exists', 'missing', 'plain')).toBe(0)
    expect(run('exists', 'field', 'plain')).toBe(1)
  })

  it('refuses a program that reads what is not there, and names the fault where it is not asked', () => {
    const runtime = new Runtime()
    const options = { programs: ['unguarded'], targetBtf: types('plain') }
    expect(() => runtime.load(object('guarded'), options)).toThrow(VerificationError)
    for (const engine of ['interpreter', 'jit'] as const) {
      const loaded = runtime.load(object('guarded'), { ...options, verify: false, engine })
      expect(() => loaded.program('unguarded').run(new Uint8Array(64))).toThrow(
        /insn \d+ .*CO-RE relocation of this instruction found nothing/,
      )
    }
    runtime.dispose()
  })

  it('lets only what is loaded choose among candidates', () => {
    const spec = object('narrowing')
    const values = (programs?: string[]): unknown[] =>
      new CoreRelocations(spec, types('flavoured'), programs === undefined ? {} : { programs })
        .all()
        .map(({ outcome }) => (isAnybpfError(outcome) ? outcome.code : outcome.candidates.length))
    // The first asks all three versions; two have the field, and are left for the second.
    expect(values()).toEqual([3, 2])
    expect(values(['then'])).toEqual([3])
  })
})

describe('the command line', () => {
  it('verifies against the types of a file', async () => {
    const of = (target: string): Promise<{ status: number | null; stdout: string }> =>
      cli(['verify', path('guarded.o'), '--btf', path(target), '--program', 'unguarded'])
    const rejected = await of('targets/plain.o')
    expect(rejected.status).toBe(1)
    expect(rejected.stdout).toContain('do not have `struct thing.never`')
    expect((await of('guarded.o')).stdout).not.toContain('struct thing.never')
  })

  it('lists instructions with what their relocations name, and as they become', async () => {
    const plain = await cli(['disasm', path('offset-load.o'), '--program', 'of_u64'])
    expect(plain.stdout).toContain('r0 = *(u64 *)(r1 + 8)  # CO-RE byte_off struct thing.size')
    const moved = await cli(['disasm', path('offset-load.o'), '--program', 'of_u64', '--btf', path('targets/moved.o')])
    expect(moved.stdout).toContain('w0 = *(u32 *)(r1 + 56)')
    const poisoned = await cli([
      'disasm',
      path('guarded.o'),
      '--program',
      'unguarded',
      '--btf',
      path('targets/plain.o'),
    ])
    expect(poisoned.stdout).toMatch(
      new RegExp(`call (?:0x)?${CORE_POISON_HELPER.toString(16)}|call ${CORE_POISON_HELPER}`),
    )
    expect(poisoned.stdout).toContain('struct thing.never: not in the target')
  })

  it('runs what was relocated, and says what is wrong with a target', async () => {
    const run = await cli([
      'run',
      path('enum-values.o'),
      '--program',
      'done',
      '--btf',
      path('targets/plain.o'),
      '--data',
      '00',
      '--json',
    ])
    expect(JSON.parse(run.stdout)).toMatchObject({ retval: 7 })
    const bad = await cli(['run', path('enum-values.o'), '--program', 'done', '--btf', path('enum-values.c')])
    expect(bad.status).toBe(3)
    expect(bad.stderr).toMatch(/^anybpf: \S+: not BTF: [^\n]+ \[ERR_BTF\]\n$/)
  })
})

const INT = 1
const STRUCT = 4
const KIND = { offset: 0, size: 1, signed: 3, lshift: 4, rshift: 5 }

describe('bit fields', () => {
  // struct s { u32 a : 5, b : 20; }: `b` begins at bit 5, counted from the highest bit where the byte order is big.
  const struct = (order: 'little' | 'big'): Btf => {
    const builder = new BtfBuilder()
    builder.type('u32', INT, 4, { vlen: 0, words: [32] })
    const member = (name: string, bits: number, offset: number): number[] => [
      builder.string(name),
      1,
      (bits << 24) | offset,
    ]
    builder.type('s', STRUCT, 4, { flag: true, vlen: 2, words: [...member('a', 5, 0), ...member('b', 20, 5)] })
    return readTypes(builder.build(order))
  }

  it.each([
    ['little', 64 - 25],
    ['big', 32 + 5],
  ] as const)('are shifted by the byte order (%s)', (order, lshift) => {
    const resolver = new CoreResolver(struct(order), struct(order))
    const value = (kind: number): bigint => resolver.resolve({ type: 2, access: '0:1', kind }).value
    expect(value(KIND.offset)).toBe(0n)
    expect(value(KIND.size)).toBe(4n)
    expect(value(KIND.signed)).toBe(0n)
    expect(value(KIND.lshift)).toBe(BigInt(lshift))
    expect(value(KIND.rshift)).toBe(44n)
  })

  it('are of one byte order', () => {
    expect(() => new CoreResolver(struct('little'), struct('big'))).toThrow(/little-endian, and .* big-endian$/)
  })
})

describe('records and types that nobody compiled', () => {
  const btf = types('plain')
  const thing = btf.find('thing', 'struct')!.id
  const state = btf.find('state', 'enum')!.id
  const resolver = new CoreResolver(btf, btf)

  it.each([
    [{ type: thing, access: '', kind: 0 }, 'no list of numbers'],
    [{ type: thing, access: '0:', kind: 0 }, 'no list of numbers'],
    [{ type: thing, access: '0:-1', kind: 0 }, 'no list of numbers'],
    [{ type: thing, access: '0:4294967296', kind: 0 }, 'more than 31 bits'],
    [{ type: thing, access: '0:999', kind: 0 }, 'has no member 999'],
    [{ type: thing, access: '0:3:16', kind: 0 }, 'no element 16'],
    [{ type: thing, access: '0:0:1', kind: 0 }, 'has no parts'],
    [{ type: thing, access: `0${':0'.repeat(64)}`, kind: 0 }, 'more than 64 steps'],
    [{ type: thing, access: '2147483647', kind: 0 }, undefined],
    [{ type: thing, access: '0:3:1', kind: 3 }, 'to an element of an array'],
    [{ type: thing, access: '1', kind: 8 }, 'no access string but 0'],
    [{ type: thing, access: '0', kind: 10 }, 'no such enumerator'],
    [{ type: state, access: '3', kind: 11 }, 'no such enumerator'],
    [{ type: state, access: '0:0', kind: 11 }, 'no such enumerator'],
    [{ type: 99_999, access: '0', kind: 8 }, 'does not exist'],
    [{ type: thing, access: '0', kind: 13 }, 'not known'],
    [{ type: thing, access: '0', kind: -1 }, 'not known'],
  ] as const)('%j', (record, message) => {
    let error: unknown
    try {
      resolver.resolve(record)
    } catch (thrown) {
      error = thrown
    }
    if (message === undefined) return
    expect(error).toBeInstanceOf(AnybpfError)
    expect((error as AnybpfError).message).toContain(message)
  })

  it('take bounded time: structs that hold each other twice', () => {
    const builder = new BtfBuilder()
    builder.type('u32', INT, 4, { vlen: 0, words: [32] })
    const LEVELS = 26
    let size = 4
    for (let level = 0; level < LEVELS; level++) {
      const inner = level + 1
      const words = [builder.string(''), inner, 0, builder.string(''), inner, 8 * size]
      size *= 2
      builder.type(level === LEVELS - 1 ? 's' : '', STRUCT, size, { vlen: 2, words })
    }
    const target = readTypes(builder.build())
    const own = new BtfBuilder()
    own.type('u32', INT, 4, { vlen: 0, words: [32] })
    own.type('s', STRUCT, 4, { vlen: 1, words: [own.string('x'), 1, 0] })
    const deep = new CoreResolver(readTypes(own.build()), target)
    const { user: before } = process.cpuUsage()
    expect(() => deep.resolve({ type: 2, access: '0:0', kind: 2 })).toThrow(/more than 10000000 types/)
    // Of the processor's time: others may have it for as long as they like.
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(5)
  })
})

describe('speed', () => {
  it.runIf(existsSync('/sys/kernel/btf/vmlinux'))(
    'a few hundred relocations of a whole kernel take well under a second',
    () => {
      const kernel = readTypes(readFileSync('/sys/kernel/btf/vmlinux'))
      const spec = object('kernel')
      const started = performance.now()
      let count = 0
      // Each time from the beginning; the index of names is made once.
      while (count < 300) count += new CoreRelocations(spec, kernel).all().length
      expect(performance.now() - started).toBeLessThan(1000)
    },
  )
})
