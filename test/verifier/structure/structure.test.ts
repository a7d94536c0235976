/**
 * Malformed programs are refused with Linux's words, and of several mistakes the one is reported that Linux reports. All
 * messages were recorded on a 6.18 kernel.
 */
import { describe, expect, it } from 'vitest'
import type { Instruction } from '../../../src/isa/index.ts'
import type { VerifierMap } from '../../../src/verifier/program.ts'
import { checked, concat, slotBytes, structural } from './programs.ts'

const EXIT = slotBytes(0x95)
const MOV = slotBytes(0xb7)
const ARRAY: VerifierMap = { name: 'array', type: 2, keySize: 4, valueSize: 16, maxEntries: 1, flags: 0 }
const HASH: VerifierMap = { name: 'hash', type: 1, keySize: 4, valueSize: 16, maxEntries: 4, flags: 0 }

describe('subprograms', () => {
  it.each([
    ['falls off the end', 'r0 = 0', 'last insn is not an exit or jmp'],
    ['ends with a conditional jump', 'r0 = 0\nif r0 == 0 goto -2', 'last insn is not an exit or jmp'],
    ['ends with may_goto', 'r0 = 0\nmay_goto -2', 'last insn is not an exit or jmp'],
    ['ends in a jump back', 'r0 = 0\ngoto -2', 'accept'],
    ['calls outside', 'call pc+5\nexit', 'call to invalid destination'],
    ['takes the address of nothing', 'r1 = code_addr(-9)\nexit', 'call to invalid destination'],
    ['jumps out', 'goto +1\nexit', 'jump out of range from insn 0 to 2'],
    ['jumps before the start', 'r0 = 0\nif r0 > 1 goto -3\nexit', 'jump out of range from insn 1 to -1'],
    ['jumps into another', 'call pc+2\nif r0 == 0 goto +2\nexit\nr0 = 1\nexit', 'jump out of range from insn 1 to 4'],
    ['falls into another', 'call pc+1\nr0 = 0\nr0 = 1\nexit', 'last insn is not an exit or jmp'],
    ['calls itself', 'call pc-1\nexit', 'accept'],
  ])('%s', (_, text, message) => {
    expect(structural(text)).toBe(message)
  })

  it('are 256 at most', () => {
    // The entry calls each of the others, which are one exit each.
    const program = (functions: number): Instruction[] =>
      Array.from({ length: 2 * functions - 1 }, (_, slot) =>
        slot < functions - 1 ? { kind: 'call', target: 'local', imm: functions - 1, off: 0 } : { kind: 'exit' },
      )
    expect(structural(program(257))).toBe('too many subprograms')
    expect(structural(program(256))).toBe('accept')
  })

  it('begin where they are called, and every slot belongs to one', () => {
    const env = checked('call pc+3\nr1 = code_addr(+4)\nexit\nr0 = 1\nexit\nr0 = 2\nexit')
    expect(env.subprograms.map(({ start, end }) => [start, end])).toEqual([
      [0, 4],
      [4, 6],
      [6, 8],
    ])
    expect([...env.subprogramOf]).toEqual([0, 0, 0, 0, 1, 1, 2, 2])
  })

  it('without BTF make no tail calls and load from no packets', () => {
    const tail = 'r1 = 0\ncall pc+1\nexit\nr2 = 0\nr3 = 0\ncall 12\nexit'
    expect(structural(tail)).toBe('tail_call is not allowed in subprogs without BTF')
    const load = 'call pc+1\nexit\nr0 = *(u8 *)skb[0]\nexit'
    expect(structural(load)).toBe('LD_ABS is not allowed in subprogs without BTF')
  })
})

describe('control flow', () => {
  it.each([
    ['dead code', 'exit\nr0 = 0\nexit', 'unreachable insn 1'],
    ['a loop that nothing enters', 'exit\ngoto -1', 'unreachable insn 1'],
    ['a function that is only its address', 'r1 = code_addr(+3)\nr0 = 0\nexit\nr0 = 0\nexit', 'accept'],
    ['an endless loop', 'goto -1', 'accept'],
    ['gotol', 'gotol +1\nexit\nexit', 'unreachable insn 1'],
  ])('%s', (_, text, message) => {
    expect(structural(text)).toBe(message)
  })

  it('does not enter the middle of a wide instruction', () => {
    expect(structural('if r1 == 0 goto +1\nr0 = 1 ll\nexit')).toBe('jump into the middle of ldimm64 insn 1')
  })
})

describe('wide instructions and opcodes', () => {
  const lddw = (src: number, imm: number, tail: Uint8Array): Uint8Array =>
    concat(slotBytes(0x18, 1, src, 0, imm), tail, MOV, EXIT)
  const tail = slotBytes(0)

  it.each([
    ['a tail with a register', lddw(0, 1, slotBytes(0, 1)), 'invalid bpf_ld_imm64 insn'],
    ['a tail with an offset', lddw(0, 1, slotBytes(0, 0, 0, 1)), 'invalid bpf_ld_imm64 insn'],
    ['no tail', concat(slotBytes(0x18), EXIT), 'invalid bpf_ld_imm64 insn'],
    ['nothing behind it', slotBytes(0x18), 'last insn is not an exit or jmp'],
    ['an unknown kind', lddw(7, 1, tail), 'unrecognized bpf_ld_imm64 insn'],
    ['a map with an offset', lddw(1, 1, slotBytes(0, 0, 0, 0, 5)), 'unrecognized bpf_ld_imm64 insn'],
    ['no map', lddw(1, 1, tail), 'fd 1 is not pointing to valid bpf_map'],
    ['no value of a map', lddw(2, -1, tail), 'fd -1 is not pointing to valid bpf_map'],
    ['an index of no map', lddw(5, 0, tail), 'fd_idx without fd_array is invalid'],
    ['a variable of no kernel', lddw(3, 0, tail), "pseudo btf_id 0 in ldimm64 isn't KIND_VAR or KIND_FUNC"],
    ['a variable of no module', lddw(3, 1, slotBytes(0, 0, 0, 0, 1)), 'invalid module BTF object FD specified.'],
    ['a tail alone', concat(tail, EXIT), 'unknown opcode 00'],
    ['a call through a register', concat(slotBytes(0x8d), EXIT), 'unknown opcode 8d'],
    ['an indirect jump', concat(slotBytes(0x0d), EXIT), 'unknown opcode 0d'],
    ['swapping to big-endian in 64 bits', concat(slotBytes(0xdf, 0, 0, 0, 32), EXIT), 'unknown opcode df'],
    ['a jump of no kind, out of range', concat(slotBytes(0xf5, 0, 0, 9), EXIT), 'jump out of range from insn 0 to 10'],
    ['a jump of no kind', concat(slotBytes(0xf5), EXIT), 'unknown opcode f5'],
    ['a load with an immediate', concat(slotBytes(0x61, 0, 1, 0, 1), EXIT), 'BPF_LDX uses reserved fields'],
    ['a load of no mode', concat(slotBytes(0xe1, 0, 1), EXIT), 'BPF_LDX uses reserved fields'],
    ['a signed load of 8 bytes', concat(slotBytes(0x99, 0, 1), EXIT), 'unknown opcode 99'],
    ['the first of two', concat(slotBytes(0x99), slotBytes(0xe1, 0, 1), EXIT), 'unknown opcode 99'],
    ['an opcode before what is unreachable', concat(EXIT, slotBytes(0x99), EXIT), 'unknown opcode 99'],
    [
      'a jump before an opcode',
      concat(slotBytes(0x05, 0, 0, 9), slotBytes(0x99), EXIT),
      'jump out of range from insn 0 to 10',
    ],
  ])('%s', (_, bytes, message) => {
    expect(structural(bytes)).toBe(message)
  })
})

describe('maps', () => {
  const value = (offset: number, map: VerifierMap): string =>
    structural(concat(slotBytes(0x18, 1, 2), slotBytes(0, 0, 0, 0, offset), MOV, EXIT), { maps: [map] })

  it('have values that can be addressed in one piece, and only within them', () => {
    expect(value(15, ARRAY)).toBe('accept')
    expect(value(16, ARRAY)).toBe('invalid access to map value pointer, value_size=16 off=16')
    expect(value(0, { ...ARRAY, maxEntries: 2 })).toBe('invalid access to map value pointer, value_size=16 off=0')
    expect(value(0, HASH)).toBe('no direct value access support for this map type')
    expect(value(1 << 29, ARRAY)).toBe('direct value offset of 536870912 is not allowed')
    expect(value(-1, ARRAY)).toBe('direct value offset of 4294967295 is not allowed')
  })

  const loads = (count: number): string =>
    `${Array.from({ length: count }, (_, i) => `r1 = map_by_fd(${i})`).join('\n')}\nr0 = 0\nexit`

  it('are 64 at most, however often each is used', () => {
    const maps = Array.from({ length: 65 }, () => ({ ...ARRAY }))
    expect(structural(loads(64), { maps })).toBe('accept')
    expect(structural(loads(65), { maps })).toBe('The total number of maps per program has reached the limit of 64')
    expect(structural(loads(65), { maps: maps.map(() => ARRAY) })).toBe('accept')
  })

  it('have to suit the program', () => {
    const two = (type: number, ...more: number[]): string =>
      structural(loads(1 + more.length), { maps: [type, ...more].map((id) => ({ ...HASH, type: id })) })
    expect(two(19, 21)).toBe('accept')
    expect(two(19, 19)).toBe('only one cgroup storage of each type is allowed')
    expect(two(33, 33)).toBe('Only one arena per program')
    expect(structural(loads(1), { author: 'untrusted', maps: [{ ...HASH, type: 33 }] })).toBe(
      'CAP_BPF and CAP_PERFMON are required to use arena',
    )
    expect(two(26)).toBe('bpf_struct_ops map cannot be used in prog')
    const sleeping = (type: number): string =>
      structural(loads(1), { type: 'kprobe', sleepable: true, maps: [{ ...HASH, type }] })
    expect(sleeping(1)).toBe('accept')
    expect(sleeping(11)).toBe('Sleepable programs can only use array, hash, ringbuf and local storage maps')
  })
})

describe('attachment', () => {
  it.each([
    ['xdp', undefined, 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable'],
    [
      'tracing',
      'trace_raw_tp',
      'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable',
    ],
    ['tracing', 'trace_fentry', 'accept'],
    ['lsm', 'lsm_mac', 'accept'],
    ['kprobe', undefined, 'accept'],
  ])('%s %s may sleep or not', (type, attachType, message) => {
    const options = { type, sleepable: true, ...(attachType !== undefined && { attachType }) }
    expect(structural('r0 = 0\nexit', options)).toBe(message)
  })

  it('syscall programs always sleep', () => {
    expect(structural('r0 = 0\nexit', { type: 'syscall' })).toBe('Syscall programs can only be sleepable')
    expect(structural('r0 = 0\nexit', { type: 'syscall', sleepable: true })).toBe('accept')
  })
})
