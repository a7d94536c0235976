/**
 * Accesses to what is not the stack: map values, packets, the context, sockets, memory of known size; by programs whose
 * verdict on Linux 6.18 is known.
 */
import { describe, expect, it } from 'vitest'
import type { VerifierMap } from '../../../src/verifier/program.ts'
import { ARRAY, btfOf, cases, END, HASH, type Judged, judge, type Row, UNKNOWN, VALUE } from './programs.ts'

const RDONLY_PROG = 1 << 7
const WRONLY_PROG = 1 << 8

const READ_ONLY: VerifierMap = { ...ARRAY, flags: RDONLY_PROG }
const WRITE_ONLY: VerifierMap = { ...ARRAY, flags: WRONLY_PROG }

const MAPS = { maps: [ARRAY] }

const MAP_VALUES: readonly Row[] = [
  ['the last bytes of a value', `${VALUE}\n r2 = *(u64 *)(r7 + 40)${END}`, 'accept', MAPS],
  [
    'beyond its end',
    `${VALUE}\n r2 = *(u64 *)(r7 + 41)${END}`,
    'invalid access to map value, value_size=48 off=41 size=8; R7 min value is outside of the allowed memory range',
    MAPS,
  ],
  [
    'before its beginning',
    `${VALUE}\n *(u8 *)(r7 - 1) = 1${END}`,
    'invalid access to map value, value_size=48 off=-1 size=1; R7 min value is outside of the allowed memory range',
    MAPS,
  ],
  [
    'an index that fits',
    `${UNKNOWN}${VALUE}
      r9 &= 31
      r7 += r9
      r2 = *(u64 *)(r7 + 9)${END}`,
    'accept',
    MAPS,
  ],
  [
    'an index that may be one too large',
    `${UNKNOWN}${VALUE}
      r9 &= 31
      r7 += r9
      r2 = *(u64 *)(r7 + 10)${END}`,
    'invalid access to map value, value_size=48 off=41 size=8; R7 max value is outside of the allowed memory range',
    MAPS,
  ],
  [
    'an index that may be negative',
    `${UNKNOWN}${VALUE}
      if r9 s> 8 goto out
      if r9 s< -8 goto out
      r7 += r9
      r2 = *(u8 *)(r7 + 0)
    out:${END}`,
    'R7 min value is negative, either use unsigned index or do a if (index >=0) check.',
    MAPS,
  ],
  [
    'an index that nobody checked',
    `${UNKNOWN}${VALUE}
      w9 = w9
      r7 += r9
      r2 = *(u8 *)(r7 + 0)${END}`,
    'R7 unbounded memory access, make sure to bounds check any such access',
    MAPS,
  ],
  [
    'a value that may be missing',
    `*(u64 *)(r10 - 8) = 0
      r2 = r10
      r2 += -8
      r1 = map_by_fd(0)
      call map_lookup_elem
      r2 = *(u8 *)(r0 + 0)${END}`,
    "R0 invalid mem access 'map_value_or_null'",
    MAPS,
  ],
  [
    'a map that programs may not write',
    `${VALUE}\n *(u8 *)(r7 + 4) = 1${END}`,
    'write into map forbidden, value_size=48 off=4 size=1',
    { maps: [READ_ONLY] },
  ],
  [
    'a map that programs may not read',
    `${VALUE}\n r2 = *(u8 *)(r7 + 4)${END}`,
    'read from map forbidden, value_size=48 off=4 size=1',
    { maps: [WRITE_ONLY] },
  ],
  [
    'a pointer that would be read from outside',
    `${VALUE}\n *(u64 *)(r7 + 0) = r10${END}`,
    'R10 leaks addr into map',
    { ...MAPS, author: 'untrusted' },
  ],
  ['such a pointer of an author who may', `${VALUE}\n *(u64 *)(r7 + 0) = r10${END}`, 'accept', MAPS],
  [
    'strict alignment',
    `${VALUE}\n r2 = *(u32 *)(r7 + 2)${END}`,
    'misaligned value access off 0+0+2 size 4',
    { ...MAPS, alignment: 'strict' },
  ],
]

const SK_BUFF_DATA = `
      r2 = *(u32 *)(r1 + 76)
      r3 = *(u32 *)(r1 + 80)`
const CHECKED = `${SK_BUFF_DATA}
      r4 = r2
      r4 += 14
      if r4 > r3 goto out`
const TC: Judged = { type: 'sched_cls' }

const PACKETS: readonly Row[] = [
  ['the last byte that was compared', `${CHECKED}\n r0 = *(u16 *)(r2 + 12)\n out:${END}`, 'accept', TC],
  [
    'the byte after it',
    `${CHECKED}\n r0 = *(u8 *)(r2 + 14)\n out:${END}`,
    'invalid access to packet, off=14 size=1, R2(id=0,off=14,r=14); R2 offset is outside of the packet',
    TC,
  ],
  [
    'bytes that were not compared',
    `${SK_BUFF_DATA}\n r0 = *(u8 *)(r2 + 0)${END}`,
    'invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0); R2 offset is outside of the packet',
    TC,
  ],
  [
    'the byte that `>=` does not prove',
    `${SK_BUFF_DATA}
      r4 = r2
      r4 += 14
      if r4 >= r3 goto out
      r0 = *(u8 *)(r2 + 14)
    out:${END}`,
    'accept',
    TC,
  ],
  [
    'beyond a variable offset that was compared',
    `${UNKNOWN}
      r2 = *(u32 *)(r6 + 76)
      r3 = *(u32 *)(r6 + 80)
      r9 &= 0xff
      r2 += r9
      r4 = r2
      r4 += 8
      if r4 > r3 goto out
      r0 = *(u64 *)(r2 + 0)
      r0 = *(u8 *)(r2 + 8)
    out:${END}`,
    'invalid access to packet, off=8 size=1, R2(id=2,off=8,r=8); R2 offset is outside of the packet',
    TC,
  ],
  [
    'a pointer whose variable part was not compared',
    `${UNKNOWN}
      r2 = *(u32 *)(r6 + 76)
      r3 = *(u32 *)(r6 + 80)
      r4 = r2
      r4 += 14
      if r4 > r3 goto out
      r9 &= 7
      r2 += r9
      r0 = *(u8 *)(r2 + 0)
    out:${END}`,
    'invalid access to packet, off=0 size=1, R2(id=2,off=0,r=0); R2 offset is outside of the packet',
    TC,
  ],
  ['a write where the type allows it', `${CHECKED}\n *(u8 *)(r2 + 0) = 1\n out:${END}`, 'accept', TC],
  [
    'a write where it does not',
    `${CHECKED}\n *(u8 *)(r2 + 0) = 1\n out:${END}`,
    'cannot write into packet',
    { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' },
  ],
  [
    'a spilled packet pointer, which learns from the comparison of its copy',
    `${SK_BUFF_DATA}
      *(u64 *)(r10 - 8) = r2
      r4 = r2
      r4 += 14
      if r4 > r3 goto out
      r5 = *(u64 *)(r10 - 8)
      r0 = *(u16 *)(r5 + 12)
    out:${END}`,
    'accept',
    TC,
  ],
  [
    'the address of an IP header, which drivers align',
    `${CHECKED}\n r0 = *(u32 *)(r2 + 4)\n out:${END}`,
    'misaligned packet access off 2+0+0+4 size 4',
    { ...TC, alignment: 'strict' },
  ],
  ['the packet end', `${SK_BUFF_DATA}\n r0 = *(u8 *)(r3 + 0)${END}`, "R3 invalid mem access 'pkt_end'", TC],
]

const CONTEXTS: readonly Row[] = [
  ['a field', 'r0 = *(u32 *)(r1 + 0)\n exit', 'accept'],
  ['a gap', `r0 = *(u32 *)(r1 + 1000)${END}`, 'invalid bpf_context access off=1000 size=4'],
  ['a field that is only read', `*(u32 *)(r1 + 0) = 1${END}`, 'invalid bpf_context access off=0 size=4'],
  [
    'a pointer that was moved',
    `r1 += 4\n r0 = *(u32 *)(r1 + 0)${END}`,
    'dereference of modified ctx ptr R1 off=4 disallowed',
  ],
  [
    'a pointer that was moved down',
    `r1 += -4\n r0 = *(u32 *)(r1 + 8)${END}`,
    'negative offset ctx ptr R1 off=-4 disallowed',
  ],
  [
    'a pointer that was moved by an unknown number',
    `${UNKNOWN}
      r9 &= 4
      r6 += r9
      r0 = *(u32 *)(r6 + 0)${END}`,
    'variable ctx access var_off=(0x0; 0x4) disallowed',
  ],
  [
    'a pointer that would be seen by others',
    `*(u32 *)(r1 + 48) = w1${END}`,
    'R1 leaks addr into ctx',
    { author: 'untrusted' },
  ],
]

const SOCKETS: readonly Row[] = [
  [
    'a socket that may be missing',
    `r2 = *(u64 *)(r1 + 168)\n r0 = *(u32 *)(r2 + 4)${END}`,
    "R2 invalid mem access 'sock_common_or_null'",
    TC,
  ],
  [
    'a field of a common socket',
    `r2 = *(u64 *)(r1 + 168)
      if r2 == 0 goto out
      r0 = *(u32 *)(r2 + 4)
    out:${END}`,
    'accept',
    TC,
  ],
  [
    'a field that only full sockets have',
    `r2 = *(u64 *)(r1 + 168)
      if r2 == 0 goto out
      r0 = *(u32 *)(r2 + 16)
    out:${END}`,
    'R2 invalid sock_common access off=16 size=4',
    TC,
  ],
  [
    'such a field of a full socket',
    `r1 = *(u64 *)(r1 + 168)
      if r1 == 0 goto out
      call sk_fullsock
      if r0 == 0 goto out
      r0 = *(u32 *)(r0 + 16)
    out:${END}`,
    'accept',
    TC,
  ],
  [
    'a write',
    `r2 = *(u64 *)(r1 + 168)
      if r2 == 0 goto out
      *(u32 *)(r2 + 4) = 1
    out:${END}`,
    'R2 cannot write into sock_common',
    TC,
  ],
  [
    'flow keys, which may be written',
    `r2 = *(u64 *)(r1 + 144)
      *(u16 *)(r2 + 0) = 14
      r0 = *(u32 *)(r2 + 52)
      r0 = *(u32 *)(r2 + 53)${END}`,
    'invalid access to flow keys off=53 size=4',
    { type: 'flow_dissector' },
  ],
]

const RINGBUF: VerifierMap = { name: 'events', type: 27, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 }
const RESERVE = `
      r1 = map_by_fd(0)
      r2 = 8
      r3 = 0
      call ringbuf_reserve
      if r0 == 0 goto out
      r7 = r0`
const SUBMIT = `
      r1 = r7
      r2 = 0
      call ringbuf_submit
    out:${END}`

const MEMORY: readonly Row[] = [
  ['a record', `${RESERVE}\n *(u64 *)(r7 + 0) = 1${SUBMIT}`, 'accept', { ...TC, maps: [RINGBUF] }],
  [
    'beyond a record',
    `${RESERVE}\n *(u64 *)(r7 + 1) = 1${SUBMIT}`,
    'invalid access to memory, mem_size=8 off=1 size=8; R7 min value is outside of the allowed memory range',
    { ...TC, maps: [RINGBUF] },
  ],
  [
    'a record that may be missing',
    `r1 = map_by_fd(0)
      r2 = 8
      r3 = 0
      call ringbuf_reserve
      *(u64 *)(r0 + 0) = 1${END}`,
    "R0 invalid mem access 'ringbuf_mem_or_null'",
    { ...TC, maps: [RINGBUF] },
  ],
]

describe.each([
  ['map values', MAP_VALUES],
  ['packets', PACKETS],
  ['the context', CONTEXTS],
  ['sockets and flow keys', SOCKETS],
  ['memory of known size', MEMORY],
])('an access to %s', (_what, rows) => {
  it.each(cases(rows))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
})

describe('special fields of map values', () => {
  const types = btfOf(
    { kind: 'int', name: 'unsigned int', size: 4, bits: 32, offset: 0, signed: false, char: false, bool: false },
    {
      kind: 'struct',
      name: 'bpf_spin_lock',
      size: 4,
      kindFlag: false,
      members: [{ name: 'val', type: 1, bitOffset: 0, bitSize: 0 }],
    },
    { kind: 'struct', name: 'file', size: 8, kindFlag: false, members: [] },
    { kind: 'type_tag', name: 'kptr_untrusted', type: 3, attribute: false },
    { kind: 'ptr', name: '', type: 4 },
    {
      kind: 'struct',
      name: 'value',
      size: 24,
      kindFlag: false,
      members: [
        { name: 'lock', type: 2, bitOffset: 32, bitSize: 0 },
        { name: 'file', type: 5, bitOffset: 64, bitSize: 0 },
        { name: 'count', type: 1, bitOffset: 128, bitSize: 0 },
      ],
    },
  )
  const maps = [{ ...ARRAY, valueSize: 24, btf: types, btfValueType: 6 }]
  const rows: readonly (readonly [name: string, access: string, verdict: string])[] = [
    ['beside them', '*(u32 *)(r7 + 0) = 1\n r2 = *(u32 *)(r7 + 16)', 'accept'],
    ['a lock', 'r2 = *(u32 *)(r7 + 4)', 'bpf_spin_lock cannot be accessed directly by load/store'],
    ['a part of a lock', 'r2 = *(u64 *)(r7 + 0)', 'bpf_spin_lock cannot be accessed directly by load/store'],
    ['a whole kernel pointer', 'r2 = *(u64 *)(r7 + 8)', 'accept'],
    ['a part of a kernel pointer', 'r2 = *(u32 *)(r7 + 8)', 'kptr access size must be BPF_DW'],
    ['a kernel pointer from its middle', 'r2 = *(u32 *)(r7 + 12)', 'kptr access misaligned expected=8 off=12'],
    ['NULL into a kernel pointer', '*(u64 *)(r7 + 8) = 0', 'accept'],
    ['a number into a kernel pointer', '*(u64 *)(r7 + 8) = 1', 'BPF_ST imm must be 0 when storing to kptr at off=8'],
    [
      'an address into a kernel pointer',
      '*(u64 *)(r7 + 8) = r10',
      'invalid kptr access, R10 type=fp expected=ptr_file or untrusted_ptr_file',
    ],
    [
      'what a kernel pointer may not point to',
      'r2 = *(u64 *)(r7 + 8)\n r2 = *(u8 *)(r2 + 0)',
      "R2 invalid mem access 'untrusted_ptr_or_null_'",
    ],
  ]
  it.each(rows)('%s', (_name, access, verdict) => {
    expect(judge(`${VALUE}\n ${access}${END}`, { type: 'sched_cls', maps })).toBe(verdict)
  })
})

describe('a map that nobody can change', () => {
  const contents = Uint8Array.of(0x81, 2, 3, 4, 5, 6, 7, 8)
  const frozen: VerifierMap = { ...ARRAY, valueSize: 8, flags: RDONLY_PROG, frozen: true, contents }
  /** Loads from the value into r3, and follows a branch with a fault unless it is what is expected. */
  const expectLoad = (load: string, expected: string, options: Judged = {}) =>
    judge(
      `r2 = map_val(map_by_fd(0)) + 0
        ${load}
        r4 = ${expected}
        if r3 == r4 goto good
        r0 = *(u8 *)(r3 + 0)
      good:${END}`,
      { maps: [frozen], ...options },
    )

  it('is read as constants', () => {
    expect(expectLoad('r3 = *(u8 *)(r2 + 0)', '0x81')).toBe('accept')
    expect(expectLoad('r3 = *(s8 *)(r2 + 0)', '-127')).toBe('accept')
    expect(expectLoad('r3 = *(u16 *)(r2 + 2)', '0x0403')).toBe('accept')
    expect(expectLoad('r3 = *(u32 *)(r2 + 4)', '0x08070605')).toBe('accept')
    expect(expectLoad('r3 = *(u64 *)(r2 + 0)', '0x0807060504030281 ll')).toBe('accept')
    expect(expectLoad('r3 = *(u32 *)(r2 + 0)', '-0x7ffcfd81')).toBe("R3 invalid mem access 'scalar'")
  })

  it('is read in the byte order of the program', () => {
    expect(expectLoad('r3 = *(u16 *)(r2 + 2)', '0x0304', { byteOrder: 'big' })).toBe('accept')
  })

  it.each([
    ['the host may still change', { ...frozen, frozen: false }],
    ['programs may change', { ...frozen, flags: 0 }],
    ['has contents that are not known', { ...ARRAY, valueSize: 8, flags: RDONLY_PROG, frozen: true }],
  ])('is not one that %s', (_why, map) => {
    expect(expectLoad('r3 = *(u8 *)(r2 + 0)', '0x81', { maps: [map] })).toBe("R3 invalid mem access 'scalar'")
  })
})

describe('atomic instructions', () => {
  const rows: readonly Row[] = [
    ['on the stack', `*(u64 *)(r10 - 8) = 1\n r2 = 1\n lock *(u64 *)(r10 - 8) += r2${END}`, 'accept'],
    [
      'on a spilled pointer',
      `*(u64 *)(r10 - 8) = r10\n r2 = 1\n lock *(u64 *)(r10 - 8) += r2${END}`,
      'leaking pointer from stack off -8',
      { author: 'untrusted' },
    ],
    [
      'with a pointer',
      `*(u64 *)(r10 - 8) = 1\n lock *(u64 *)(r10 - 8) += r10${END}`,
      'R10 leaks addr into mem',
      { author: 'untrusted' },
    ],
    ['on the context', `r2 = 1\n lock *(u32 *)(r1 + 0) += w2${END}`, 'BPF_ATOMIC stores into R1 ctx is not allowed'],
    [
      'on a packet',
      `${CHECKED}\n r5 = 1\n lock *(u32 *)(r2 + 0) += w5\n out:${END}`,
      'BPF_ATOMIC stores into R2 pkt is not allowed',
      TC,
    ],
    [
      'misaligned, however lenient the options are',
      `${VALUE}\n r2 = 1\n lock *(u32 *)(r7 + 2) += w2${END}`,
      'misaligned value access off 0+0+2 size 4',
      MAPS,
    ],
    [
      'on what may not be read',
      `${VALUE}\n r2 = 1\n lock *(u32 *)(r7 + 0) += w2${END}`,
      'read from map forbidden, value_size=48 off=0 size=4',
      { maps: [WRITE_ONLY] },
    ],
    [
      'that load from the context',
      `w0 = load_acquire((u32 *)(r1 + 0))${END}`,
      'BPF_ATOMIC loads from R1 ctx is not allowed',
    ],
    [
      'that store into a packet',
      `${CHECKED}\n w5 = 1\n store_release((u32 *)(r2 + 0), w5)\n out:${END}`,
      'misaligned packet access off 2+0+0+0 size 4',
      TC,
    ],
    [
      'that give the old value of the stack back: a spilled constant is one',
      `*(u64 *)(r10 - 8) = 5
        r2 = 1
        r2 = xchg_64(r10 - 8, r2)
        if r2 == 5 goto good
        r0 = *(u8 *)(r2 + 0)
      good:${END}`,
      'accept',
    ],
  ]
  it.each(cases(rows))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
})

describe('one instruction', () => {
  it('is not used with pointers that need different code', () => {
    const program = `${UNKNOWN}
      *(u64 *)(r10 - 8) = 0
      r2 = r6
      if r9 == 0 goto use
      r2 = r10
      r2 += -8
    use:
      r3 = *(u32 *)(r2 + 0)${END}`
    expect(judge(program, { testStateFrequency: true })).toBe('same insn cannot be used with different pointers')
  })

  it('is used with different memory', () => {
    const program = `${UNKNOWN}${VALUE}
      if r9 == 0 goto use
      r7 = r10
      r7 += -8
    use:
      r3 = *(u32 *)(r7 + 0)${END}`
    expect(judge(program, { maps: [ARRAY], testStateFrequency: true })).toBe('accept')
  })
})

describe('packet loads of classic BPF', () => {
  const rows: readonly Row[] = [
    ['with the context in r6', `r6 = r1\n r0 = *(u16 *)skb[12]\n exit`, 'accept'],
    ['with nothing in r6', `r0 = *(u16 *)skb[12]\n exit`, 'R6 !read_ok'],
    [
      'with another pointer in r6',
      `r6 = r10\n r0 = *(u16 *)skb[12]\n exit`,
      'at the time of BPF_LD_ABS|IND R6 != pointer to skb',
    ],
    ['forget r1 to r5', `r6 = r1\n r2 = 1\n r0 = *(u16 *)skb[12]\n r0 = r2\n exit`, 'R2 !read_ok'],
    [
      'of a program without such packets',
      `r6 = r1\n r0 = *(u16 *)skb[12]\n exit`,
      'BPF_LD_[ABS|IND] instructions not allowed for this program type',
      { type: 'xdp' },
    ],
    [
      'while something has to be given back',
      `r6 = r1${RESERVE}
        r0 = *(u16 *)skb[12]${SUBMIT}`,
      'Unreleased reference id=2 alloc_insn=5; BPF_LD_[ABS|IND] would lead to reference leak',
      { ...TC, maps: [RINGBUF] },
    ],
  ]
  it.each(cases(rows))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
})

describe('memory for helpers', () => {
  const buffer = (size: number) => `r6 = r1
      r2 = 0
      r3 = r10
      r3 += -16
      r4 = ${size}
      call skb_load_bytes`
  const rows: readonly Row[] = [
    ['that they fill need not be initialised', `${buffer(16)}\n r2 = *(u64 *)(r10 - 16)${END}`, 'accept'],
    [
      'is initialised afterwards as far as they fill it',
      `${buffer(8)}\n r2 = *(u64 *)(r10 - 8)${END}`,
      'invalid read from stack off -8+0 size 8',
      { author: 'untrusted' },
    ],
    ['ends where the stack ends', `${buffer(17)}${END}`, 'invalid write to stack R3 off=-16 size=17'],
    ['has a size', `${buffer(0)}${END}`, 'R4 invalid zero-sized read: u64=[0,0]'],
    [
      'has a size that is not negative',
      `${buffer(-1)}${END}`,
      "R4 min value is negative, either use unsigned or 'var &= const'",
    ],
    [
      'of a size that is not known is initialised before',
      `${UNKNOWN}
        r9 &= 7
        r9 += 1
        r1 = r6
        r2 = 0
        r3 = r10
        r3 += -16
        r4 = r9
        call skb_load_bytes${END}`,
      'invalid read from stack R3 off -16+0 size 8',
      { author: 'untrusted' },
    ],
    [
      'of a size that nobody checked',
      `${UNKNOWN}
        r1 = r6
        r2 = 0
        r3 = r10
        r3 += -16
        w4 = w9
        r4 += 1
        call skb_load_bytes${END}`,
      "R4 unbounded memory access, use 'var &= const' or 'if (var < const)'",
    ],
    [
      'that they read is initialised',
      `*(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -8
        r1 = map_by_fd(0)
        call map_lookup_elem${END}`,
      'invalid read from stack R2 off -8+0 size 8',
      { author: 'untrusted', maps: [HASH] },
    ],
    [
      'is memory',
      `${UNKNOWN}
        r1 = r6
        r2 = 0
        r3 = r6
        r4 = 4
        call skb_load_bytes${END}`,
      'R3 type=ctx expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
    ],
    [
      'in a map value ends where the value ends',
      `r6 = r1${VALUE}
        r1 = r6
        r2 = 0
        r3 = r7
        r3 += 40
        r4 = 9
        call skb_load_bytes${END}`,
      'invalid access to map value, value_size=48 off=40 size=9; R3 min value is outside of the allowed memory range',
      MAPS,
    ],
    [
      'is writable',
      `r6 = r1${VALUE}
        r1 = r6
        r2 = 0
        r3 = r7
        r4 = 8
        call skb_load_bytes${END}`,
      'write into map forbidden, value_size=48 off=0 size=8',
      { maps: [READ_ONLY] },
    ],
  ]
  it.each(cases(rows))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
})
