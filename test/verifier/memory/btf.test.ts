/**
 * Kernel objects by their BTF: what lies where in a structure, what the arguments of a typed context are, and how far
 * pointers that are read from objects may be relied upon. The types are made up, small ones with the names that matter.
 */
import { describe, expect, it } from 'vitest'
import { type StructAccess, structAccess } from '../../../src/verifier/memory/struct-walk.ts'
import { MEM_RCU, MEM_USER, PTR_UNTRUSTED } from '../../../src/verifier/types.ts'
import { btfOf, cases, END, type Judged, judge, type Row, typeBefore } from './programs.ts'

const member = (name: string, type: number, byte: number, bitSize = 0, bit = 0) => ({
  name,
  type,
  bitOffset: 8 * byte + bit,
  bitSize,
})

const int = (name: string, size: number) => ({
  kind: 'int' as const,
  name,
  size,
  bits: 8 * size,
  offset: 0,
  signed: true,
  char: false,
  bool: false,
})

const struct = (name: string, size: number, ...members: ReturnType<typeof member>[]) => ({
  kind: 'struct' as const,
  name,
  size,
  kindFlag: members.some(({ bitSize }) => bitSize > 0),
  members,
})

const func = (name: string, type: number) => ({ kind: 'func' as const, name, type, linkage: 'static' as const })

const proto = (returnType: number, ...params: [name: string, type: number][]) => ({
  kind: 'func_proto' as const,
  name: '',
  returnType,
  params: params.map(([name, type]) => ({ name, type })),
  variadic: false,
})

const KERNEL = btfOf(
  int('int', 4), // 1
  int('long', 8), // 2
  struct('inode', 16, member('i_ino', 2, 0), member('i_mode', 1, 8)), // 3
  { kind: 'ptr', name: '', type: 3 }, // 4: struct inode *
  struct('file', 24, member('f_inode', 4, 0), member('f_pos', 2, 8), member('f_user', 9, 16)), // 5
  { kind: 'ptr', name: '', type: 5 }, // 6: struct file *
  { kind: 'array', name: '', type: 1, indexType: 1, count: 4 }, // 7: int[4]
  { kind: 'type_tag', name: 'user', type: 3, attribute: false }, // 8
  { kind: 'ptr', name: '', type: 8 }, // 9: struct inode __user *
  { kind: 'type_tag', name: 'rcu', type: 5, attribute: false }, // 10
  { kind: 'ptr', name: '', type: 10 }, // 11: struct file __rcu *
  { kind: 'union', name: '', size: 8, kindFlag: false, members: [member('a', 4, 0), member('b', 2, 0)] }, // 12
  { kind: 'array', name: '', type: 5, indexType: 1, count: 2 }, // 13: struct file[2]
  { kind: 'array', name: '', type: 3, indexType: 1, count: 0 }, // 14: struct inode[]
  { kind: 'ptr', name: '', type: 1 }, // 15: int *
  struct(
    'task_struct',
    136,
    member('flags', 1, 0), // and 4 bytes of padding
    member('exe', 11, 8),
    member('comm', 7, 16),
    member('either', 12, 32),
    member('files', 13, 40),
    member('low', 1, 88, 3),
    member('high', 1, 88, 7, 3),
    member('numbers', 15, 96),
    member('own', 5, 104),
    member('tail', 14, 128),
  ), // 16
  { kind: 'ptr', name: '', type: 16 }, // 17: struct task_struct *
  proto(1, ['task', 17], ['flags', 1], ['ino', 15], ['file__nullable', 6]), // 18
  func('some_function', 18), // 19
  proto(0, ['__data', 2], ['task', 17], ['file', 6]), // 20
  { kind: 'ptr', name: '', type: 20 }, // 21
  { kind: 'typedef', name: 'btf_trace_some_event', type: 21 }, // 22
  proto(1, ['file', 6]), // 23
  func('bpf_lsm_file_open', 23), // 24
  struct('file__safe_trusted', 8, member('f_inode', 4, 0)), // 25
  { kind: 'typedef', name: 'btf_trace_tcp_send_reset', type: 21 }, // 26
  proto(1, ['task', 17]), // 27
  func('bpf_lsm_bprm_check_security', 27), // 28
)

const TASK = 16

describe('a structure', () => {
  const scalar: StructAccess = { kind: 'scalar' }
  const failure = (message: string): StructAccess => ({ kind: 'error', message })
  const rows: readonly (readonly [what: string, off: number, size: number, gives: StructAccess])[] = [
    ['a number', 0, 4, scalar],
    ['a part of a number', 2, 1, scalar],
    [
      'more than a number',
      0,
      8,
      failure('access beyond the end of member flags (mend:4) in struct task_struct with off 0 size 8'),
    ],
    ['padding', 4, 4, failure("struct task_struct doesn't have field at offset 4")],
    ['a pointer with a tag', 8, 8, { kind: 'pointer', id: 5, flags: MEM_RCU, field: 'exe' }],
    [
      'a part of a pointer',
      8,
      4,
      failure('cannot access ptr member exe with moff 8 in struct task_struct with off 8 size 4'),
    ],
    ['two elements of an array of numbers', 20, 8, scalar],
    [
      'beyond an array of numbers',
      28,
      8,
      failure('access beyond the end of member comm (mend:32) in struct task_struct with off 28 size 8'),
    ],
    ['a pointer in a union', 32, 8, { kind: 'pointer', id: 3, flags: PTR_UNTRUSTED, field: 'a' }],
    ['a pointer in the second element of an array', 64, 8, { kind: 'pointer', id: 3, flags: 0, field: 'f_inode' }],
    ['a pointer to user memory', 56, 8, { kind: 'pointer', id: 3, flags: MEM_USER, field: 'f_user' }],
    ['a bit field', 88, 4, scalar],
    ['a bit field and its neighbour', 88, 2, scalar],
    ['a pointer to numbers', 96, 8, { kind: 'untrusted_memory' }],
    ['an embedded structure', 112, 8, scalar],
    ['an element of the array at the end', 152, 4, scalar],
    [
      'across elements of that array',
      152,
      8,
      failure('access beyond the end of member i_mode (mend:12) in struct inode with off 8 size 8'),
    ],
  ]
  it.each(rows)('has %s', (_what, off, size, gives) => {
    expect(structAccess(KERNEL, TASK, off, size)).toEqual(gives)
    // The second time from the cache.
    expect(structAccess(KERNEL, TASK, off, size)).toEqual(gives)
  })

  it('ends', () => {
    expect(structAccess(KERNEL, 3, 16, 4)).toEqual(failure('access beyond struct inode at off 16 size 4'))
    expect(structAccess(KERNEL, 1, 0, 4)).toEqual(failure("Type 'int' is not a struct"))
  })
})

const FENTRY: Judged = {
  type: 'tracing',
  attachType: 'trace_fentry',
  attachTo: 'some_function',
  kernelBtf: KERNEL,
}
const RAW: Judged = { ...FENTRY, attachType: 'trace_raw_tp', attachTo: 'some_event' }

describe('a typed context', () => {
  const rows: readonly Row[] = [
    ['gives numbers', `r2 = *(u64 *)(r1 + 8)${END}`, 'accept'],
    [
      'gives pointers whole',
      `r2 = *(u32 *)(r1 + 0)${END}`,
      "func 'some_function' size 4 must be 8; invalid bpf_context access off=0 size=4",
    ],
    [
      'has arguments at multiples of eight',
      `r2 = *(u32 *)(r1 + 4)${END}`,
      "func 'some_function' offset 4 is not multiple of 8; invalid bpf_context access off=4 size=4",
    ],
    [
      'has as many arguments as the function',
      `r2 = *(u64 *)(r1 + 40)${END}`,
      "func 'some_function' doesn't have 6-th argument; invalid bpf_context access off=40 size=8",
    ],
    [
      'has the result only where the function has returned',
      `r2 = *(u64 *)(r1 + 32)${END}`,
      "func 'some_function' doesn't have 5-th argument; invalid bpf_context access off=32 size=8",
    ],
    ['has it there', `r2 = *(u64 *)(r1 + 32)${END}`, 'accept', { ...FENTRY, attachType: 'trace_fexit' }],
    ['is not written', `*(u64 *)(r1 + 8) = 0${END}`, 'invalid bpf_context access off=8 size=8'],
    ['has at most twelve arguments', `r2 = *(u64 *)(r1 + 96)${END}`, 'invalid bpf_context access off=96 size=8'],
    ['gives pointers that are followed', `r2 = *(u64 *)(r1 + 0)\n r2 = *(u32 *)(r2 + 0)${END}`, 'accept'],
    [
      'gives pointers that may be missing',
      `r2 = *(u64 *)(r1 + 24)\n r2 = *(u64 *)(r2 + 0)${END}`,
      "R2 invalid mem access 'ptr_or_null_'",
    ],
    [
      'gives a pointer to numbers as a number',
      `r2 = *(u64 *)(r1 + 16)\n r2 = *(u32 *)(r2 + 0)${END}`,
      "R2 invalid mem access 'scalar'",
    ],
    ['hides the first argument of a tracepoint', `r2 = *(u64 *)(r1 + 0)\n r2 = *(u32 *)(r2 + 0)${END}`, 'accept', RAW],
    [
      'knows tracepoints whose arguments may be missing',
      `r2 = *(u64 *)(r1 + 0)\n r2 = *(u32 *)(r2 + 0)${END}`,
      "R2 invalid mem access 'trusted_ptr_or_null_'",
      { ...RAW, attachTo: 'tcp_send_reset' },
    ],
    [
      'gives what an LSM hook answered: zero or an error',
      `r2 = *(u64 *)(r1 + 8)
        if r2 s<= 0 goto out
        r2 = *(u8 *)(r2 + 0)
      out:${END}`,
      'accept',
      { ...FENTRY, type: 'lsm', attachType: 'lsm_mac', attachTo: 'file_open' },
    ],
    [
      'gives numbers of a function that is not known',
      `r2 = *(u64 *)(r1 + 0)\n r2 = *(u64 *)(r2 + 0)${END}`,
      "R2 invalid mem access 'scalar'",
      { type: 'tracing', attachType: 'trace_fentry', attachTo: 'some_function' },
    ],
  ]
  it.each(cases(rows, FENTRY))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
})

describe('a pointer to a kernel object', () => {
  const rows: readonly Row[] = [
    [
      'leads to others, which may be untrusted but are read',
      `r2 = *(u64 *)(r1 + 0)
        r2 = *(u64 *)(r2 + 40)
        r2 = *(u64 *)(r2 + 0)${END}`,
      'accept',
    ],
    [
      'under RCU may be missing',
      `r2 = *(u64 *)(r1 + 0)
        r2 = *(u64 *)(r2 + 8)
        r2 = *(u64 *)(r2 + 0)${END}`,
      "R2 invalid mem access 'rcu_ptr_or_null_'",
      RAW,
    ],
    [
      'to user memory is not followed',
      `r2 = *(u64 *)(r1 + 0)
        r2 = *(u64 *)(r2 + 56)
        r2 = *(u64 *)(r2 + 0)${END}`,
      'R2 is ptr_inode access user memory: off=0',
    ],
    [
      'to numbers is read as far as one likes',
      `r2 = *(u64 *)(r1 + 0)
        r2 = *(u64 *)(r2 + 96)
        r3 = *(u32 *)(r2 + 4000)
        *(u32 *)(r2 + 0) = 1${END}`,
      'R2 cannot write into rdonly_untrusted_mem',
    ],
    ['is not written', `r2 = *(u64 *)(r1 + 0)\n *(u32 *)(r2 + 0) = 1${END}`, 'only read is supported'],
    [
      'is not read beyond its end',
      `r2 = *(u64 *)(r1 + 24)
        if r2 == 0 goto out
        r3 = *(u64 *)(r2 + 24)
      out:${END}`,
      'access beyond struct file at off 24 size 8',
    ],
    [
      'is not moved down',
      `r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r2 - 8)${END}`,
      'R2 is ptr_task_struct invalid negative access: off=-8',
    ],
    [
      'is not moved by an unknown number',
      `r2 = *(u64 *)(r1 + 0)
        r3 = *(u64 *)(r1 + 8)
        r3 &= 8
        r2 += r3
        r4 = *(u64 *)(r2 + 0)${END}`,
      'R2 is ptr_task_struct invalid variable offset: off=0, var_off=(0x0; 0x8)',
    ],
    [
      'needs a licence',
      `r2 = *(u64 *)(r1 + 0)\n r2 = *(u32 *)(r2 + 0)${END}`,
      "Cannot access kernel 'struct task_struct' from non-GPL compatible program",
      { ...FENTRY, license: 'Proprietary' },
    ],
  ]
  it.each(cases(rows, FENTRY))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })

  it('is as trusted as the kernel lists the field that it was read from', () => {
    const open: Judged = { ...FENTRY, type: 'lsm', attachType: 'lsm_mac', attachTo: 'file_open' }
    const inode = `r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r2 + 0)${END}`
    expect(typeBefore(inode, 1, 2, open)).toBe('trusted_ptr_')
    expect(typeBefore(inode, 2, 3, open)).toBe('trusted_ptr_')
    // What a function is called with is not known to stay.
    const plain = `r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r2 + 104)${END}`
    expect(typeBefore(plain, 1, 2, FENTRY)).toBe('ptr_')
    expect(typeBefore(plain, 2, 3, FENTRY)).toBe('ptr_')
  })

  it('under RCU is as good as the section that it is read in', () => {
    const exe = `r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r2 + 8)${END}`
    const hook: Judged = { ...FENTRY, type: 'lsm', attachType: 'lsm_mac', attachTo: 'bprm_check_security' }
    expect(typeBefore(exe, 2, 3, hook)).toBe('rcu_ptr_or_null_')
    expect(typeBefore(exe, 2, 3, { ...hook, sleepable: true })).toBe('untrusted_ptr_')
  })

  it('in a union is not trusted', () => {
    const either = `r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r2 + 32)${END}`
    expect(typeBefore(either, 2, 3, FENTRY)).toBe('untrusted_ptr_')
  })
})

describe('a write to a kernel object', () => {
  const connection = btfOf(
    int('int', 4), // 1
    { kind: 'array', name: '', type: 1, indexType: 1, count: 4 }, // 2
    struct('sock', 16, member('sk_pacing_rate', 1, 8), member('sk_pacing_status', 1, 12)), // 3
    struct('inet_sock', 16, member('sk', 3, 0)), // 4
    struct('inet_connection_sock', 32, member('icsk_inet', 4, 0), member('icsk_ca_priv', 2, 16)), // 5
    struct('tcp_sock', 40, member('inet_conn', 5, 0), member('snd_cwnd', 1, 32), member('rcv_nxt', 1, 36)), // 6
    { kind: 'ptr', name: '', type: 3 }, // 7: struct sock *
    proto(0, ['sk', 7]), // 8
    { kind: 'ptr', name: '', type: 8 }, // 9
    struct('tcp_congestion_ops', 8, member('init', 9, 0)), // 10
    struct('other_ops', 8, member('init', 9, 0)), // 11
  )
  const init: Judged = { type: 'struct_ops', attachTo: 'tcp_congestion_ops.init', kernelBtf: connection }
  const write = (access: string): string => `r2 = *(u64 *)(r1 + 0)\n ${access}${END}`
  const rows: readonly Row[] = [
    ['goes to what congestion control may set', write('*(u32 *)(r2 + 32) = 1'), 'accept'],
    ['goes anywhere in private data', write('*(u64 *)(r2 + 24) = 1'), 'accept'],
    ['does not go to other fields', write('*(u32 *)(r2 + 36) = 1'), 'no write support to tcp_sock at off 36'],
    [
      'does not go beyond the field',
      write('*(u64 *)(r2 + 8) = 1'),
      'write access at off 8 with size 8 beyond the member of tcp_sock ended at 12',
    ],
    [
      'goes nowhere for other operations',
      write('*(u32 *)(r2 + 8) = 1'),
      'only read is supported',
      { ...init, attachTo: 'other_ops.init' },
    ],
  ]
  it.each(cases(rows, init))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
})
