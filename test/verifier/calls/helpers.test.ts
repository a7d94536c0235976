/** Calls of helpers: permission, arguments, references, results. Verdicts are those of a 6.18 kernel. */
import { describe, expect, it } from 'vitest'
import { ARRAY, cases, END, HASH, judge, LOOKUP, PROGRAMS, RINGBUF, type Row, START, VALUE } from './programs.ts'

function check(rows: readonly Row[], usual = {}): void {
  it.each(cases(rows, usual))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
}

describe('permission', () => {
  check([
    ['a helper that does not exist', `call 5000${END}`, 'invalid func unknown#5000'],
    ['number 0', `call 0${END}`, 'program of this type cannot use helper bpf_unspec#0'],
    [
      'a helper of other program types',
      `call xdp_adjust_head${END}`,
      'program of this type cannot use helper bpf_xdp_adjust_head#44',
    ],
    [
      'a GPL helper in a program of another licence',
      `call get_current_task${END}`,
      'cannot call GPL-restricted function from non-GPL compatible program',
      { type: 'kprobe', license: 'Proprietary' },
    ],
    ['a GPL helper', `call get_current_task${END}`, 'accept', { type: 'kprobe' }],
    [
      'a helper that may sleep',
      `call copy_from_user${END}`,
      'helper call might sleep in a non-sleepable prog',
      { type: 'kprobe' },
    ],
    [
      'a path where there is none',
      `call d_path${END}`,
      'helper call is not allowed in probe',
      { type: 'syscall', sleepable: true },
    ],
  ])
})

describe('arguments', () => {
  const maps = [ARRAY, HASH]
  check(
    [
      ['a register that was never written', `call map_lookup_elem${END}`, 'R1 type=ctx expected=map_ptr'],
      ['none at all', `r1 = map_by_fd(0)\n call map_lookup_elem${END}`, 'R2 !read_ok'],
      [
        'a number for a key',
        `r1 = map_by_fd(0)\n r2 = 0\n call map_lookup_elem${END}`,
        'R2 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
      ],
      [
        'a value that may be NULL',
        `${LOOKUP}\n r1 = map_by_fd(0)\n r2 = r7\n call map_lookup_elem${END}`,
        'R2 type=map_value_or_null expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
        { maps: [HASH] },
      ],
      ['a value as a key', `${VALUE}\n r1 = map_by_fd(0)\n r2 = r7\n call map_lookup_elem${END}`, 'accept'],
      [
        'a key that begins too far up the stack',
        `${START}\n r1 = map_by_fd(0)\n r2 = r10\n r2 += -2\n call map_lookup_elem${END}`,
        'invalid read from stack R2 off=-2 size=4',
      ],
      [
        'a changed context',
        `r1 += 8\n r2 = map_by_fd(0)\n r3 = 0\n call tail_call${END}`,
        'dereference of modified ctx ptr R1 off=8 disallowed',
        { maps: [PROGRAMS] },
      ],
      [
        'a size that may be negative',
        `call get_prandom_u32\n r2 = r0\n r2 s>>= 1\n r2 -= 5\n r1 = r10\n r1 += -16\n call get_current_comm${END}`,
        "R2 min value is negative, either use unsigned or 'var &= const'",
        { type: 'kprobe' },
      ],
      [
        'a size of zero',
        `r1 = r10\n r1 += -16\n r2 = 0\n call get_current_comm${END}`,
        'R2 invalid zero-sized read: u64=[0,0]',
        { type: 'kprobe' },
      ],
      [
        'memory that the helper initialises',
        `r2 = 0\n r3 = r10\n r3 += -16\n r4 = 16\n call skb_load_bytes\n r0 = *(u64 *)(r10 - 8)${END}`,
        'accept',
        { author: 'untrusted' },
      ],
      [
        'an address for a number',
        `r2 = r10\n r1 = map_by_fd(0)\n r2 += -8\n *(u64 *)(r10 - 8) = 0\n r3 = r2\n r4 = r10\n call map_update_elem${END}`,
        'R4 leaks addr into helper function',
        { author: 'untrusted', maps: [{ ...HASH, valueSize: 4 }] },
      ],
    ],
    { maps },
  )
})

/** A key of 0 that was stored as the four bytes that it is. */
const FOUR_BYTE_KEY = LOOKUP.replace('u64', 'u32')

describe('maps', () => {
  check([
    [
      'a program array for a look-up',
      `${LOOKUP}${END}`,
      'cannot pass map_type 3 into func bpf_map_lookup_elem#1',
      { maps: [PROGRAMS] },
    ],
    [
      'a tail call into an array',
      `r2 = map_by_fd(0)\n r3 = 0\n call tail_call${END}`,
      'expected prog array map for tail call',
      { maps: [ARRAY] },
    ],
    ['a tail call', `r2 = map_by_fd(0)\n r3 = 0\n call tail_call${END}`, 'accept', { maps: [PROGRAMS] }],
    [
      'a socket map in a program that may not change it',
      `${START}\n r1 = map_by_fd(0)\n r2 = r10\n r2 += -8\n call map_delete_elem${END}`,
      'cannot update sockmap in this context; cannot pass map_type 15 into func bpf_map_delete_elem#3',
      { type: 'cgroup_skb', maps: [{ ...ARRAY, type: 15, valueSize: 4 }] },
    ],
    [
      'a device map, which programs only read',
      `${VALUE}\n *(u32 *)(r7 + 0) = 1${END}`,
      'write into map forbidden, value_size=4 off=0 size=4',
      { type: 'xdp', maps: [{ ...ARRAY, type: 14, valueSize: 4 }] },
    ],
    [
      'a map that programs only read',
      `${START}\n r1 = map_by_fd(0)\n r2 = r10\n r2 += -8\n call map_delete_elem${END}`,
      'write into map forbidden',
      { maps: [{ ...HASH, flags: 0x80 }] },
    ],
    ['an array at an index that it has', `${FOUR_BYTE_KEY}\n r1 = *(u64 *)(r7 + 0)${END}`, 'accept', { maps: [ARRAY] }],
    [
      'an array at an index that it has not',
      `*(u32 *)(r10 - 4) = 4\n r1 = map_by_fd(0)\n r2 = r10\n r2 += -4\n call map_lookup_elem\n r1 = *(u64 *)(r0 + 0)${END}`,
      "R0 invalid mem access 'map_value_or_null'",
      { maps: [ARRAY] },
    ],
    [
      'a hash table at a constant key',
      `${LOOKUP}\n r1 = *(u64 *)(r7 + 0)${END}`,
      "R7 invalid mem access 'map_value_or_null'",
      { maps: [HASH] },
    ],
    [
      'a value of a map of maps is a map',
      `${VALUE}\n r1 = r7\n r2 = r10\n r2 += -8\n call map_lookup_elem${END}`,
      'accept',
      { maps: [{ ...ARRAY, type: 12, valueSize: 4, inner: HASH }] },
    ],
    [
      'and not memory',
      `${VALUE}\n r1 = *(u32 *)(r7 + 0)${END}`,
      "'struct bpf_htab' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
      { author: 'untrusted', maps: [{ ...ARRAY, type: 12, valueSize: 4, inner: HASH }] },
    ],
  ])
})

const RESERVE = `
  r1 = map_by_fd(0)
  r2 = 16
  r3 = 0
  call ringbuf_reserve`

describe('references', () => {
  check(
    [
      ['given back', `${RESERVE}\n if r0 == 0 goto +3\n r1 = r0\n r2 = 0\n call ringbuf_submit${END}`, 'accept'],
      [
        'kept',
        `${RESERVE}\n if r0 == 0 goto +1\n *(u64 *)(r0 + 0) = 0${END}`,
        'Unreleased reference id=2 alloc_insn=4; BPF_EXIT instruction in main prog would lead to reference leak',
      ],
      [
        'given back without a test',
        `${RESERVE}\n r1 = r0\n r2 = 0\n call ringbuf_submit${END}`,
        'R1 type=ringbuf_mem_or_null expected=ringbuf_mem',
      ],
      [
        'given back twice',
        `${RESERVE}\n if r0 == 0 goto +7\n r6 = r0\n r1 = r6\n r2 = 0\n call ringbuf_submit\n r1 = r6\n r2 = 0\n call ringbuf_submit${END}`,
        'R1 type=scalar expected=ringbuf_mem',
      ],
      [
        'moved before it is given back',
        `${RESERVE}\n if r0 == 0 goto +4\n r1 = r0\n r1 += 8\n r2 = 0\n call ringbuf_submit${END}`,
        'R1 must have zero offset when passed to release func or trusted arg to kfunc',
      ],
      [
        'kept over a tail call',
        `r6 = r1${RESERVE}\n if r0 == 0 goto +5\n r7 = r0\n r1 = r6\n r2 = map_by_fd(1)\n r3 = 0\n call tail_call${END}`,
        'Unreleased reference id=2 alloc_insn=5; tail_call would lead to reference leak',
      ],
      [
        'of a size that is not known',
        `call get_prandom_u32\n r2 = r0\n r1 = map_by_fd(0)\n r3 = 0\n call ringbuf_reserve${END}`,
        "R2 is not a known constant'",
      ],
    ],
    { maps: [RINGBUF, PROGRAMS] },
  )
})

describe('dynptrs', () => {
  const FROM_MEMORY = `${VALUE}
  r1 = r7
  r2 = 16
  r3 = 0
  r4 = r10
  r4 += -24
  call dynptr_from_mem`
  const DATA = `
  r1 = r10
  r1 += -24
  r2 = 0
  r3 = 8
  call dynptr_data`
  check(
    [
      ['looked through', `${FROM_MEMORY}${DATA}\n if r0 == 0 goto +1\n *(u64 *)(r0 + 0) = 1${END}`, 'accept'],
      [
        'a slice that may be NULL',
        `${FROM_MEMORY}${DATA}\n *(u64 *)(r0 + 0) = 1${END}`,
        "R0 invalid mem access 'mem_or_null'",
      ],
      [
        'a slice that is too short',
        `${FROM_MEMORY}${DATA}\n if r0 == 0 goto +1\n *(u64 *)(r0 + 8) = 1${END}`,
        'invalid access to memory, mem_size=8 off=8 size=8; R0 min value is outside of the allowed memory range',
      ],
      [
        'a slice whose dynptr was overwritten',
        `${FROM_MEMORY}${DATA}\n if r0 == 0 goto +2\n *(u64 *)(r10 - 24) = 0\n *(u64 *)(r0 + 0) = 1${END}`,
        "R0 invalid mem access 'scalar'",
      ],
      [
        'a slice that may be of another, which was overwritten',
        `${FROM_MEMORY}\n r1 = r7\n r2 = 16\n r3 = 0\n r4 = r10\n r4 += -40\n call dynptr_from_mem
  call get_prandom_u32
  if r0 > 5 goto second${DATA}
  if r0 == 0 goto none
  goto both
second:
  r1 = r10
  r1 += -40
  r2 = 0
  r3 = 8
  call dynptr_data
  if r0 == 0 goto none
both:
  r1 = 0
  goto +0
  r2 = 1
  r3 = 1
  r4 = 1
  r5 = 1
  goto +0
  r3 = 3
  r2 = 2
  goto +0
  *(u64 *)(r10 - 40) = r1
  *(u64 *)(r0 + 0) = r1
none:${END}`,
        "R0 invalid mem access 'scalar'",
      ],
      ['none', `${START}${DATA}${END}`, 'Expected an initialized dynptr as arg #0'],
      [
        'made of the stack',
        `${START}\n r1 = r10\n r1 += -8\n r2 = 8\n r3 = 0\n r4 = r10\n r4 += -24\n call dynptr_from_mem${END}`,
        'Unsupported reg type fp for bpf_dynptr_from_mem data',
      ],
      [
        'made at an odd place',
        `${VALUE}\n r1 = r7\n r2 = 8\n r3 = 0\n r4 = r10\n r4 += -20\n call dynptr_from_mem${END}`,
        'cannot pass in dynptr at an offset=-20; Dynptr has to be an uninitialized dynptr',
      ],
    ],
    { maps: [ARRAY] },
  )

  const RESERVED = `
  r1 = map_by_fd(0)
  r2 = 8
  r3 = 0
  r4 = r10
  r4 += -16
  call ringbuf_reserve_dynptr`
  const SUBMIT = `
  r1 = r10
  r1 += -16
  r2 = 0
  call ringbuf_submit_dynptr`
  check(
    [
      ['a record, submitted', `${RESERVED}${SUBMIT}${END}`, 'accept'],
      [
        'a record, kept',
        `${RESERVED}${END}`,
        'Unreleased reference id=2 alloc_insn=6; BPF_EXIT instruction in main prog would lead to reference leak',
      ],
      ['a record, submitted twice', `${RESERVED}${SUBMIT}${SUBMIT}${END}`, 'arg 1 is an unacquired reference'],
      [
        'a clone in the frame of a callee, after the record was submitted through the caller\u2019s',
        `${RESERVED}
  r1 = r10
  r1 += -16
  call callee${END}
callee:
  r6 = r1
  r2 = r10
  r2 += -16
  call bpf_dynptr_clone
  r1 = r6
  r2 = 0
  call ringbuf_submit_dynptr
  r1 = r10
  r1 += -16
  r2 = 0
  r3 = 8
  call dynptr_data
  r0 = 0
  exit`,
        'Expected an initialized dynptr as arg #0',
      ],
      ['a record, overwritten', `${RESERVED}\n *(u64 *)(r10 - 8) = 0${END}`, 'cannot overwrite referenced dynptr'],
    ],
    { maps: [RINGBUF] },
  )
})

describe('results', () => {
  check([
    [
      'a number of bytes is at most the size',
      `r1 = r10\n r1 += -8\n r2 = 8\n r3 = 0\n call probe_read_kernel_str\n if r0 s< 0 goto +4\n r1 = r10\n r1 += -16\n r1 += r0\n *(u8 *)(r1 + 0) = 0${END}`,
      'accept',
      { type: 'kprobe' },
    ],
    [
      'nothing from a function that gives nothing',
      `r2 = map_by_fd(0)\n r3 = 0\n call tail_call\n exit`,
      'R0 !read_ok',
      { maps: [PROGRAMS] },
    ],
    ['r1 is gone', `call get_prandom_u32\n r0 = r1\n exit`, 'R1 !read_ok'],
  ])
})

describe('the exit of programs', () => {
  const RANGE = { type: 'cgroup_sock', attachType: 'cgroup_inet_sock_create' }
  check([
    ['1 from a cgroup program', 'r0 = 1\n exit', 'accept', RANGE],
    [
      '2 from a cgroup program',
      'r0 = 2\n exit',
      'At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]',
      RANGE,
    ],
    [
      'anything from a cgroup program',
      'r2 = *(u32 *)(r1 + 0)\n r2 <<= 32\n r0 = *(u32 *)(r1 + 0)\n r0 |= r2\n exit',
      'At program exit the register R0 has unknown scalar value should have been in [0, 1]',
      RANGE,
    ],
    ['an address', 'r0 = r1\n exit', 'At program exit the register R0 is not a known value (ctx)', RANGE],
    [
      'an address, of an untrusted author',
      'r0 = r1\n exit',
      'R0 leaks addr as return value',
      { ...RANGE, author: 'untrusted' },
    ],
    ['anything from a socket filter', 'call get_prandom_u32\n exit', 'accept'],
  ])
})
