/** Helpers that call back, locks and timers: fields of map values, callbacks' arguments and results. */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../../src/isa/index.ts'
import { encodeUtf8 } from '../../../src/util/index.ts'
import { isFormat } from '../../../src/verifier/calls/format-string.ts'
import { mapRecord } from '../../../src/verifier/calls/record.ts'
import type { VerifierFunction, VerifierMap } from '../../../src/verifier/program.ts'
import { ARRAY, btfOf, END, HASH, type Judged, judge, VALUE, type WithoutId } from './programs.ts'

const btf = btfOf(
  { kind: 'int', name: 'int', size: 4, bits: 32, offset: 0, signed: true, char: false, bool: false },
  { kind: 'struct', name: 'bpf_spin_lock', size: 4, kindFlag: false, members: [] },
  { kind: 'struct', name: 'bpf_timer', size: 16, kindFlag: false, members: [] },
  {
    kind: 'struct',
    name: 'locked',
    size: 8,
    kindFlag: false,
    members: [
      { name: 'count', type: 1, bitOffset: 0, bitSize: 0 },
      { name: 'lock', type: 2, bitOffset: 32, bitSize: 0 },
    ],
  },
  {
    kind: 'struct',
    name: 'timed',
    size: 24,
    kindFlag: false,
    members: [
      { name: 'count', type: 1, bitOffset: 0, bitSize: 0 },
      { name: 'timer', type: 3, bitOffset: 64, bitSize: 0 },
    ],
  },
  { kind: 'func_proto', name: '', returnType: 1, params: [], variadic: false },
  { kind: 'func', name: 'main', type: 6, linkage: 'global' },
  { kind: 'func', name: 'callback', type: 6, linkage: 'static' },
)
const LOCKED: VerifierMap = { ...HASH, name: 'locked', valueSize: 8, btf, btfKeyType: 1, btfValueType: 4 }
const TIMED: VerifierMap = { ...HASH, name: 'timed', valueSize: 24, btf, btfKeyType: 1, btfValueType: 5 }

/** `main` takes the callback's address as `code_addr(callback)`. */
function judgeWithCallback(main: string, callback: string, options: Judged = {}): string {
  const text = `${main}${END}\ncallback:\n${callback}`
  const names = new Map([['x', 0]])
  const start =
    assemble(`${main}${END}\ncallback:\n r0 = 0\n exit`, { resolve: (name) => names.get(name) ?? 1 }).length - 2
  const functions: VerifierFunction[] = [
    { name: 'main', slot: 0, linkage: 'global', btfType: 7 },
    { name: 'callback', slot: start, linkage: 'static', btfType: 8 },
  ]
  return judge(text, { btf, functions, ...options })
}

const LOOP = `
  *(u64 *)(r10 - 8) = 0
  r1 = 10
  r2 = code_addr(callback)
  r3 = r10
  r3 += -8
  r4 = 0
  call loop`

describe('loop', () => {
  it.each([
    ['goes on', 'r0 = 0\n exit', 'accept'],
    ['ends', 'r0 = 1\n exit', 'accept'],
    [
      'counts in memory of the caller',
      'r1 = *(u64 *)(r2 + 0)\n r1 += 1\n *(u64 *)(r2 + 0) = r1\n r0 = 0\n exit',
      'accept',
    ],
    [
      'returns what the loop does not know',
      'r0 = 2\n exit',
      'At callback return the register R0 has smin=2 smax=2 should have been in [0, 1]',
    ],
    ['returns an address', 'r0 = r2\n exit', 'cannot return stack pointer to the caller'],
    ['reads an argument that it does not get', 'r0 = r3\n exit', 'R3 !read_ok'],
    ['takes the index for an address', 'r0 = *(u8 *)(r1 + 0)\n exit', "R1 invalid mem access 'scalar'"],
  ])('%s', (_, callback, verdict) => {
    expect(judgeWithCallback(LOOP, callback)).toBe(verdict)
  })

  it('takes no pointer for its number of rounds: its callback would be judged for none', () => {
    const main = 'r1 = r10\n r2 = code_addr(callback)\n r3 = 0\n r4 = 0\n call loop'
    const callback = 'r1 = 0x1234\n r0 = *(u64 *)(r1 + 0)\n r0 = 1\n exit'
    expect(judgeWithCallback(main, callback)).toBe('R1 type=fp expected=scalar')
  })

  it('forgets what its callback may have changed', () => {
    const index = `${LOOP}\n r1 = *(u64 *)(r10 - 8)\n r1 += r10\n *(u8 *)(r1 - 16) = 0`
    const verdict = judgeWithCallback(index, '*(u64 *)(r2 + 0) = r1\n r0 = 0\n exit')
    expect(verdict).toMatch(
      /^R1 unbounded memory access|value -?\d+ makes fp pointer be out of bounds|math between fp pointer/,
    )
  })
})

describe('for_each_map_elem', () => {
  const main = `
  r1 = map_by_fd(0)
  r2 = code_addr(callback)
  r3 = 0
  r4 = 0
  call for_each_map_elem`
  it.each([
    ['reads key and value', 'r4 = *(u32 *)(r2 + 0)\n r4 = *(u64 *)(r3 + 8)\n r0 = 0\n exit', 'accept'],
    ['writes the value', '*(u64 *)(r3 + 8) = 1\n r0 = 0\n exit', 'accept'],
    ['writes the key', '*(u32 *)(r2 + 0) = 1\n r0 = 0\n exit', 'write to change key R2 not allowed'],
    [
      'reads beyond the value',
      'r4 = *(u64 *)(r3 + 16)\n r0 = 0\n exit',
      'invalid access to map value, value_size=16 off=16 size=8; R3 min value is outside of the allowed memory range',
    ],
  ])('%s', (_, callback, verdict) => {
    expect(judgeWithCallback(main, callback, { maps: [HASH] })).toBe(verdict)
  })

  it('walks no program array', () => {
    const maps = [{ ...ARRAY, type: 3, valueSize: 4 }]
    expect(judgeWithCallback(main, 'r0 = 0\n exit', { maps })).toBe('callback function not allowed for map')
  })
})

describe('timers', () => {
  const timer = (place: number, map: number): string => `${VALUE}
  r1 = r7
  r1 += ${place}
  r2 = map_by_fd(${map})
  r3 = 1
  call timer_init`
  const options = { type: 'sched_cls', maps: [TIMED, HASH], btf }
  it.each([
    ['in its map', timer(8, 0), 'accept'],
    ['elsewhere in the value', timer(0, 0), "off 0 doesn't point to 'struct bpf_timer' that is at 8"],
    ['with another map', timer(8, 1), "timer pointer in R1 map_uid=0 doesn't match map pointer in R2 map_uid=0"],
    ['written directly', `${VALUE}\n *(u64 *)(r7 + 8) = 0`, 'bpf_timer cannot be accessed directly by load/store'],
  ])('%s', (_, program, verdict) => {
    expect(judge(`${program}${END}`, options)).toBe(verdict)
  })

  it('runs its callback with map, key and value, to return 0', () => {
    const main = `${VALUE}\n r1 = r7\n r1 += 8\n r2 = code_addr(callback)\n call timer_set_callback`
    expect(judgeWithCallback(main, 'r0 = *(u32 *)(r3 + 0)\n r0 = 0\n exit', options)).toBe('accept')
    expect(judgeWithCallback(main, 'r0 = 1\n exit', options)).toBe(
      'At async callback return the register R0 has smin=1 smax=1 should have been in [0, 0]',
    )
  })
})

describe('spin locks', () => {
  const lock = (place: number): string => `${VALUE}\n r1 = r7\n r1 += ${place}\n call spin_lock`
  const UNLOCK = '\n r1 = r7\n r1 += 4\n call spin_unlock'
  const options = { type: 'sched_cls', maps: [LOCKED, HASH], btf }
  it.each([
    ['held and let go', `${lock(4)}\n *(u32 *)(r7 + 0) = 1${UNLOCK}${END}`, 'accept'],
    ['kept', `${lock(4)}${END}`, 'BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region'],
    [
      'taken twice',
      `${lock(4)}\n r1 = r7\n r1 += 4\n call spin_lock${END}`,
      'function calls are not allowed while holding a lock',
    ],
    ['let go only', `${VALUE}${UNLOCK}${END}`, 'bpf_spin_unlock without taking a lock'],
    ['elsewhere in the value', `${lock(0)}${END}`, "off 0 doesn't point to 'struct bpf_spin_lock' that is at 4"],
    [
      'a call while it is held',
      `${lock(4)}\n call get_prandom_u32${END}`,
      'function calls are not allowed while holding a lock',
    ],
    [
      'written directly',
      `${VALUE}\n *(u32 *)(r7 + 4) = 0${END}`,
      'bpf_spin_lock cannot be accessed directly by load/store',
    ],
    [
      'of another value',
      `${VALUE}\n r8 = r7\n r2 = r10\n r2 += -8\n r1 = map_by_fd(0)\n call map_lookup_elem\n if r0 == 0 goto out\n r7 = r0\n r1 = r8\n r1 += 4\n call spin_lock${UNLOCK}\nout:${END}`,
      'bpf_spin_unlock of different lock',
    ],
  ])('%s', (_, program, verdict) => {
    expect(judge(program, options)).toBe(verdict)
  })

  it('are not where the map has no types', () => {
    const maps = [{ ...HASH, name: 'plain', valueSize: 8 }]
    expect(judge(`${lock(4)}${END}`, { type: 'sched_cls', maps })).toBe(
      "map 'plain' has to have BTF in order to use bpf_spin_lock",
    )
  })
})

describe('special fields', () => {
  const types = [
    { kind: 'int', name: 'int', size: 4, bits: 32, offset: 0, signed: true, char: false, bool: false },
    { kind: 'struct', name: 'bpf_timer', size: 16, kindFlag: false, members: [] },
    { kind: 'struct', name: 'task_struct', size: 4, kindFlag: false, members: [] },
    { kind: 'type_tag', name: 'kptr_untrusted', type: 3, attribute: false },
    { kind: 'ptr', name: '', type: 4 },
  ] as const
  type Type = WithoutId
  const struct = (size: number, ...members: readonly (readonly [type: number, offset: number])[]): Type =>
    ({
      kind: 'struct',
      name: 'value',
      size,
      kindFlag: false,
      members: members.map(([type, offset], i) => ({ name: `m${i}`, type, bitOffset: 8 * offset, bitSize: 0 })),
    }) as const
  const array = (type: number, count: number) => ({ kind: 'array', name: '', type, indexType: 1, count }) as const
  const holding = (valueSize: number, ...more: readonly Type[]): VerifierMap => ({
    ...{ ...HASH, keySize: 8, name: 'm', valueSize },
    ...{ btf: btfOf(...types, ...more), btfValueType: types.length + more.length },
  })
  const WRITE = `${VALUE}\n *(u64 *)(r7 + 0) = 5${END}`

  // The verdicts on the first write are those of Linux 6.18, which was asked.
  it.each([
    ['one timer', holding(24, struct(24, [2, 0])), 1, 'bpf_timer cannot be accessed directly by load/store'],
    ['two timers', holding(32, struct(32, [2, 0], [2, 16])), 0, 'accept'],
    ['an array of timers', holding(48, array(2, 2), struct(48, [2, 0], [6, 16])), 0, 'accept'],
    [
      '11 pointers',
      holding(88, array(5, 11), struct(88, [6, 0])),
      11,
      'BPF_ST imm must be 0 when storing to kptr at off=0',
    ],
    ['12 pointers', holding(96, array(5, 12), struct(96, [6, 0])), 0, 'accept'],
    [
      'an array of arrays',
      holding(32, array(5, 2), array(6, 2), struct(32, [7, 0])),
      4,
      'BPF_ST imm must be 0 when storing to kptr at off=0',
    ],
    [
      'a field behind many others',
      holding(80008, struct(8, [1, 0]), array(6, 10_000), struct(80008, [5, 0], [7, 8])),
      1,
      'BPF_ST imm must be 0 when storing to kptr at off=0',
    ],
  ])('%s in a value', (_, map, count, verdict) => {
    expect(mapRecord(map)).toHaveLength(count)
    expect(judge(WRITE, { type: 'sched_cls', maps: [map] })).toBe(verdict)
  })

  it('are none where more of them are than can be kept track of: nothing works on them then', () => {
    const map = holding(32, struct(32, [2, 0], [2, 16]))
    const init = `${VALUE}\n r1 = r7\n r2 = map_by_fd(0)\n r3 = 1\n call timer_init${END}`
    expect(judge(init, { type: 'sched_cls', maps: [map], btf })).toBe("map 'm' has no valid bpf_timer")
  })

  it('are looked for once in each structure, however often it is a member', () => {
    // 2^20 paths lead to the innermost structure, if it came to that.
    const nested = Array.from({ length: 12 }, (_, i) =>
      struct(4 * 4 ** (i + 1), ...[0, 1, 2, 3].map((k) => [i === 0 ? 1 : 5 + i, k * 4 ** (i + 1)] as const)),
    )
    const from = performance.now()
    expect(mapRecord(holding(4 ** 13, ...nested))).toEqual([])
    expect(performance.now() - from).toBeLessThan(500)
  })

  it('of a data section are its variables', () => {
    const section = {
      kind: 'datasec',
      name: '.bss',
      size: 24,
      variables: [
        { type: 7, offset: 0, size: 8 },
        { type: 8, offset: 0, size: 16 },
      ],
    } as const
    const variable = (name: string, type: number) => ({ kind: 'var', name, type, linkage: 'static' }) as const
    const map = holding(24, struct(8, [1, 0]), variable('plain', 6), variable('timer', 2), section)
    const placed = {
      ...map,
      variables: [
        { name: 'plain', offset: 0, size: 8 },
        { name: 'timer', offset: 8, size: 16 },
      ],
    }
    expect(mapRecord(placed)).toMatchObject([{ kind: 'timer', offset: 8 }])
  })

  it('are found by type, in order of offset', () => {
    expect(mapRecord(LOCKED)).toMatchObject([{ kind: 'spin_lock', offset: 4, size: 4 }])
    expect(mapRecord(TIMED)).toMatchObject([{ kind: 'timer', offset: 8, size: 16 }])
    expect(mapRecord(HASH)).toEqual([])
  })

  it('are kernel pointers only where the structure is defined', () => {
    const types = (target: 'struct' | 'fwd'): VerifierMap => {
      const defined = { kind: 'struct', name: 'task_struct', size: 8, kindFlag: false, members: [] } as const
      const declared = { kind: 'fwd', name: 'task_struct', target: 'struct' } as const
      const members = [{ name: 'task', type: 3, bitOffset: 0, bitSize: 0 }]
      const all = btfOf(
        target === 'struct' ? defined : declared,
        { kind: 'type_tag', name: 'kptr', type: 1, attribute: false },
        { kind: 'ptr', name: '', type: 2 },
        { kind: 'struct', name: 'value', size: 8, kindFlag: false, members },
      )
      return { ...HASH, btf: all, btfValueType: 4 }
    }
    expect(mapRecord(types('struct'))).toMatchObject([{ kind: 'kptr_ref', offset: 0, typeId: 1 }])
    expect(mapRecord(types('fwd'))).toEqual([])
  })
})

describe('formats of snprintf', () => {
  it.each([
    ['', 0, true],
    ['%%', 0, true],
    ['%d', 1, true],
    ['%d', 0, false],
    ['%d %s', 2, true],
    ['%-08lld|%5lu|%x', 3, true],
    ['%p', 1, true],
    ['%pK %px %ps %pB', 4, true],
    ['%pI4 %pi6', 2, true],
    ['%pks %pus', 2, true],
    ['%c', 1, true],
    ['%pI5', 1, false],
    ['%sx', 1, false],
    ['%pq', 1, false],
    ['%hd', 1, false],
    ['%', 1, false],
    ['%lld%', 2, false],
    ['\u0080', 0, false],
    ['tab\t\n', 0, true],
  ])('%j with %i arguments: %s', (format, args, valid) => {
    expect(isFormat(encodeUtf8(format), args)).toBe(valid)
  })
})
