/**
 * Contracts of global functions: what BTF and its tags say of each parameter, what is refused, and what a call may pass.
 * Messages recorded on a 6.18 kernel.
 */
import { describe, expect, it } from 'vitest'
import { Btf, type BtfType } from '../../../src/btf/index.ts'
import { prepareArguments } from '../../../src/verifier/structure/arguments.ts'
import { verify } from '../../../src/verifier/verify.ts'
import { checked, PLATFORM, programOf, verdictOf } from './programs.ts'

type WithoutId = BtfType extends infer T ? (T extends unknown ? Omit<T, 'id'> : never) : never

const INT = 1
const LONG = 2
const CHAR = 3
const ENUM = 4
const PAIR = 5
const SK_BUFF = 6
const REGISTERS = 7
const DYNPTR = 8
const FORWARD = 9
const ARRAY = 10
const TASK = 11
const FIRST_FREE = 12

const int = (name: string, size: number): WithoutId => ({
  kind: 'int',
  name,
  size,
  bits: size * 8,
  offset: 0,
  signed: true,
  char: false,
  bool: false,
})
const struct = (name: string, size: number): WithoutId => ({ kind: 'struct', name, size, kindFlag: false, members: [] })

const COMMON: readonly WithoutId[] = [
  int('int', 4),
  int('long', 8),
  int('char', 1),
  { kind: 'enum', name: 'e', size: 4, signed: false, values: [] },
  struct('pair', 16),
  struct('__sk_buff', 192),
  struct('pt_regs', 168),
  struct('bpf_dynptr', 16),
  { kind: 'fwd', name: 'hidden', target: 'struct' },
  { kind: 'array', name: '', type: INT, indexType: INT, count: 5 },
  struct('task_struct', 64),
]

interface Parameter {
  /** A type of `COMMON`, or 0 for void. */
  readonly type: number
  readonly pointer?: boolean
  readonly tags?: readonly string[]
}

interface Signature {
  readonly params?: readonly Parameter[]
  readonly returns?: number
  readonly linkage?: 'static' | 'global'
}

/** BTF of `int main(void *)` and of `f`, with their ids. */
function btfOf({ params = [], returns = INT, linkage = 'global' }: Signature): { btf: Btf; main: number; f: number } {
  const types: WithoutId[] = [...COMMON]
  const add = (type: WithoutId): number => types.push(type)
  const void_ = add({ kind: 'ptr', name: '', type: 0 })
  const ids = params.map(({ type, pointer }) => (pointer ? add({ kind: 'ptr', name: '', type }) : type))
  const mainProto = add({
    kind: 'func_proto',
    name: '',
    returnType: INT,
    params: [{ name: 'ctx', type: void_ }],
    variadic: false,
  })
  const proto = add({
    kind: 'func_proto',
    name: '',
    returnType: returns,
    params: ids.map((type, i) => ({ name: `a${i}`, type })),
    variadic: false,
  })
  const main = add({ kind: 'func', name: 'main', type: mainProto, linkage: 'global' })
  const f = add({ kind: 'func', name: 'f', type: proto, linkage })
  params.forEach(({ tags = [] }, i) => {
    for (const tag of tags) add({ kind: 'decl_tag', name: `arg:${tag}`, type: f, componentIndex: i, attribute: false })
  })
  const all = [{ kind: 'void', id: 0, name: '' }, ...types.map((type, i) => ({ ...type, id: i + 1 }))]
  return { btf: new Btf(all as BtfType[], { byteOrder: 'little' }), main, f }
}

/** A program that runs `before` and calls `f`, which returns 0. */
function program(signature: Signature, before = '', body = '', type = 'socket_filter') {
  const { btf, main, f } = btfOf(signature)
  const base = programOf(`${before}\ncall f\nr0 = 0\nexit\nf:\n${body}\nr0 = 0\nexit`, { type })
  const slot = base.insns.findLastIndex((insn, i) => insn.kind === 'exit' && i < base.insns.length - 1) + 1
  return {
    ...base,
    btf,
    functions: [
      { name: 'main', slot: 0, linkage: 'global', btfType: main },
      { name: 'f', slot, linkage: signature.linkage ?? 'global', btfType: f },
    ],
  } as const
}

/** The kinds of the arguments, or what is wrong with them. */
function contract(signature: Signature, type = 'socket_filter'): string {
  const { insns, ...options } = program(signature, '', '', type)
  const env = checked(insns, options)
  let kinds = 'none'
  const verdict = verdictOf(() => {
    const args = prepareArguments(env, env.subprograms[1]!)
    if (args !== undefined) kinds = args.map((arg) => (arg.size > 0 ? `${arg.kind} ${arg.size}` : arg.kind)).join(', ')
  })
  return verdict === 'accept' ? kinds : verdict
}

const pointer = (type: number, ...tags: string[]): Parameter => ({ type, pointer: true, tags })

describe('prepareArguments', () => {
  it.each<[string, readonly Parameter[], string]>([
    ['numbers', [{ type: INT }, { type: LONG }, { type: CHAR }, { type: ENUM }], 'scalar, scalar, scalar, scalar'],
    ['memory', [pointer(PAIR), pointer(INT, 'nonnull'), pointer(ARRAY)], 'mem_or_null 16, mem 4, mem_or_null 20'],
    ['the context by its type', [pointer(SK_BUFF)], 'ctx'],
    ['the context by a tag', [pointer(0, 'ctx')], 'ctx'],
    ['another context', [pointer(REGISTERS, 'ctx')], 'arg#0 should be `struct __sk_buff *`'],
    ['another context without a tag', [pointer(REGISTERS)], 'mem_or_null 168'],
    ['a dynptr', [pointer(DYNPTR)], 'dynptr'],
    ['an address of an arena', [pointer(PAIR, 'arena')], 'arena'],
    ['untrusted memory', [pointer(CHAR, 'untrusted')], 'untrusted_mem'],
    ['void *', [pointer(0)], "arg#0 reference type('UNKNOWN ') size cannot be determined: -22"],
    ['a hidden structure', [pointer(FORWARD)], "arg#0 reference type('FWD hidden') size cannot be determined: -22"],
    ['a structure by value', [{ type: PAIR }], 'Arg#0 type STRUCT in f() is not supported yet.'],
    ['a tag on a number', [{ type: INT, tags: ['nonnull'] }], 'arg#0 has pointer tag, but is not a pointer type'],
    ['an unknown tag', [pointer(PAIR, 'mine')], 'arg#0 has unsupported set of tags'],
    ['ctx and more', [pointer(0, 'ctx', 'nonnull')], 'arg#0 has invalid combination of tags'],
    ['memory that is nullable', [pointer(PAIR, 'nullable')], 'arg#0 has invalid combination of tags'],
    ['trusted and nonnull', [pointer(TASK, 'trusted', 'nonnull')], 'arg#0 has invalid combination of tags'],
    ['a tagged dynptr', [pointer(DYNPTR, 'nonnull')], 'arg#0 has invalid combination of tags'],
    ['arena and more', [pointer(PAIR, 'arena', 'nonnull')], 'arg#0 arena cannot be combined with any other tags'],
    ['untrusted and more', [pointer(0, 'untrusted', 'ctx')], 'arg#0 has invalid combination of tags'],
    [
      'untrusted and nullable',
      [pointer(INT, 'untrusted', 'nullable')],
      'arg#0 untrusted cannot be combined with any other tags',
    ],
    ['no type of the kernel', [pointer(PAIR, 'trusted')], "arg#0 reference type('STRUCT pair') has no matches"],
    ['a trusted int', [pointer(INT, 'trusted')], "arg#0 reference type('INT int') has no matches"],
    ['a trusted void', [pointer(0, 'trusted')], "arg#0 reference type('UNKNOWN (anon)') candidate matching error: -22"],
  ])('%s', (_, params, expected) => {
    expect(contract({ params })).toBe(expected)
  })

  it('knows the context of each program type', () => {
    expect(contract({ params: [pointer(REGISTERS)] }, 'kprobe')).toBe('ctx')
    expect(contract({ params: [pointer(SK_BUFF)] }, 'xdp')).toBe('mem_or_null 192')
    expect(contract({ params: [pointer(LONG, 'ctx')] }, 'raw_tracepoint')).toBe('ctx')
    expect(contract({ params: [pointer(LONG, 'ctx')] }, 'xdp')).toBe('arg#0 should be `struct xdp_md *`')
    expect(contract({ params: [pointer(PAIR, 'ctx')] }, 'tracepoint')).toBe('ctx')
  })

  it('asks for a number as the result, and five arguments at most', () => {
    const message = "Global function f() doesn't return scalar. Only those are supported."
    for (const returns of [0, PAIR, FIRST_FREE]) expect(contract({ returns })).toBe(message)
    expect(contract({ returns: ENUM })).toBe('')
    const params = Array.from({ length: 6 }, () => ({ type: INT }))
    expect(contract({ params })).toBe('Global function f() with 6 > 5 args. Buggy compiler.')
  })

  it('says nothing of a static function that it cannot describe', () => {
    for (const params of [[pointer(PAIR)], [{ type: PAIR }]])
      expect(contract({ params, linkage: 'static' })).toBe('none')
    expect(contract({ returns: 0, linkage: 'static' })).toBe('none')
    expect(contract({ params: [pointer(SK_BUFF), { type: INT }], linkage: 'static' })).toBe('ctx, scalar')
  })
})

describe('a call of a global function', () => {
  const call = (params: readonly Parameter[], before: string, body = ''): string => {
    const report = verify(program({ params }, before, body), PLATFORM, { author: 'trusted' })
    return report.error?.lines.join('; ') ?? 'accept'
  }
  const invalid = "Caller passes invalid args into func#1 ('f')"

  it.each<[string, readonly Parameter[], string, string]>([
    ['a number', [{ type: INT }], 'r1 = 1', 'accept'],
    ['a pointer for a number', [{ type: INT }], '', `R1 is not a scalar; ${invalid}`],
    ['nothing for a number', [{ type: INT }, { type: INT }], 'r1 = 1', `R2 is not a scalar; ${invalid}`],
    ['the context', [pointer(SK_BUFF)], '', 'accept'],
    ['a number for the context', [pointer(SK_BUFF)], 'r1 = 0', `arg#0 expects pointer to ctx; ${invalid}`],
    [
      'a moved context',
      [pointer(SK_BUFF)],
      'r1 += 8',
      `dereference of modified ctx ptr R1 off=8 disallowed; ${invalid}`,
    ],
    ['NULL for memory', [pointer(PAIR)], 'r1 = 0', 'accept'],
    ['memory', [pointer(PAIR)], 'r1 = r10\nr1 += -16', 'accept'],
    [
      'memory that is too short',
      [pointer(PAIR)],
      'r1 = r10\nr1 += -8',
      `invalid read from stack R1 off=-8 size=16; ${invalid}`,
    ],
    ['a number for memory', [pointer(PAIR)], 'r1 = 7', `R1 type=scalar expected=fp; ${invalid}`],
    ['any number for an arena', [pointer(PAIR, 'arena')], 'r1 = 7', 'accept'],
    [
      'the stack for an arena',
      [pointer(PAIR, 'arena')],
      'r1 = r10',
      `R1 is not a pointer to arena or scalar.; ${invalid}`,
    ],
    ['anything for untrusted memory', [pointer(INT, 'untrusted')], 'r1 = r10', 'accept'],
    ['no dynptr', [pointer(DYNPTR)], 'r1 = r10\nr1 += -16', `Expected an initialized dynptr as arg #0; ${invalid}`],
  ])('%s', (_, params, before, expected) => {
    expect(call(params, before)).toBe(expected)
  })

  it('lets the function assume no more than its contract says', () => {
    const load = 'r0 = *(u32 *)(r1 + 12)'
    expect(call([pointer(PAIR)], 'r1 = 0', load)).toBe("R1 invalid mem access 'mem_or_null'")
    expect(call([pointer(PAIR)], 'r1 = 0', `if r1 == 0 goto +1\n${load}`)).toBe('accept')
    expect(call([pointer(PAIR, 'nonnull')], 'r1 = r10\nr1 += -16', load)).toBe('accept')
    expect(call([pointer(PAIR, 'arena')], 'r1 = 0', load)).toBe("R1 invalid mem access 'scalar'")
  })
})
