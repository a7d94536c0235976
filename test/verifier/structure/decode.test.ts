/**
 * Encodings whose fields are wrong decode to something that can be walked, and say what Linux says: at once, or when a
 * path comes there, after looking at the registers that Linux looks at. Messages recorded on a 6.18 kernel.
 */
import { describe, expect, it } from 'vitest'
import { decodeProgram, encodeProgram } from '../../../src/isa/index.ts'
import { decodeForVerifier } from '../../../src/verifier/decode.ts'
import { verify } from '../../../src/verifier/verify.ts'
import { concat, PLATFORM, programOf, slotBytes } from './programs.ts'

const MOV = slotBytes(0xb7)
const EXIT = slotBytes(0x95)

/** Verifies `r0 = 0`, the slots, `r0 = 0`, `exit`. */
function judge(type: string, ...slots: readonly Uint8Array[]): string {
  const program = programOf(concat(MOV, ...slots, MOV, EXIT), { type })
  return verify(program, PLATFORM, { author: 'trusted' }).error?.lines.join('; ') ?? 'accept'
}

describe('wrong fields', () => {
  it.each([
    ['neg with a source', slotBytes(0x87, 0, 1), 'BPF_NEG uses reserved fields'],
    ['neg with an immediate', slotBytes(0x84, 0, 0, 0, 1), 'BPF_NEG uses reserved fields'],
    ['a byte swap of 8 bits', slotBytes(0xd4, 0, 0, 0, 8), 'BPF_END uses reserved fields'],
    ['mov of an immediate with an offset', slotBytes(0xb7, 0, 0, 8), 'BPF_MOV uses reserved fields'],
    ['a 32-bit move of 32 bits', slotBytes(0xbc, 0, 0, 32), 'BPF_MOV uses reserved fields'],
    ['mov with both operands', slotBytes(0xbf, 0, 0, 0, 1), 'BPF_MOV uses reserved fields'],
    [
      'a cast between other spaces',
      slotBytes(0xbf, 0, 1, 1, 2),
      'addr_space_cast insn can only convert between address space 1 and 0',
    ],
    [
      'a cast to the same space',
      slotBytes(0xbf, 0, 1, 1, 0),
      'addr_space_cast insn can only convert between address space 1 and 0',
    ],
    ['add with both operands', slotBytes(0x0f, 0, 0, 0, 1), 'BPF_ALU uses reserved fields'],
    ['a signed addition', slotBytes(0x07, 0, 0, 1, 1), 'BPF_ALU uses reserved fields'],
    ['add without a second register', slotBytes(0x0f, 0, 11), 'R11 is invalid'],
    ['add of a register that is not there', slotBytes(0x0f, 11, 5), 'R5 !read_ok'],
    ['a jump with both operands', slotBytes(0x1d, 0, 0, 0, 1), 'BPF_JMP/JMP32 uses reserved fields'],
    ['such a jump on an uninitialised register', slotBytes(0x15, 5, 1), 'R5 !read_ok'],
    ['a jump on no register', slotBytes(0x15, 12), 'R12 is invalid'],
    ['goto with a register', slotBytes(0x05, 1), 'BPF_JA uses reserved fields'],
    ['gotol with an offset', slotBytes(0x06, 0, 0, 1), 'BPF_JA uses reserved fields'],
    ['may_goto with an immediate', slotBytes(0xe5, 0, 0, 0, 7), 'invalid may_goto imm 7'],
    ['call with a destination', slotBytes(0x85, 1, 0, 0, 7), 'BPF_CALL uses reserved fields'],
    ['call of an unknown kind', slotBytes(0x85, 0, 3, 0, 7), 'BPF_CALL uses reserved fields'],
    ['exit with an immediate', slotBytes(0x95, 0, 0, 0, 1), 'BPF_EXIT uses reserved fields'],
    ['a store of a constant from a register', slotBytes(0x62, 10, 1, -8), 'BPF_ST uses reserved fields'],
    ['a store with an immediate', slotBytes(0x63, 10, 0, -8, 1), 'BPF_STX uses reserved fields'],
    ['a store of no register', slotBytes(0x63, 10, 13, -8), 'R13 is invalid'],
    ['a load into no register', slotBytes(0x61, 15, 1), 'R15 is invalid'],
    ['an atomic operation of no kind', slotBytes(0xdb, 10, 0, -8, 0x20), 'BPF_ATOMIC uses invalid atomic opcode 20'],
    [
      'an atomic operation with a negative code',
      slotBytes(0xdb, 10, 0, -8, -1),
      'BPF_ATOMIC uses invalid atomic opcode ffffffff',
    ],
    ['an atomic addition of a byte', slotBytes(0xd3, 10, 0, -8), 'invalid atomic operand size'],
    ['a packet load with a destination', slotBytes(0x20, 1), 'BPF_LD_[ABS|IND] uses reserved fields'],
    ['a wide load with an offset', concat(slotBytes(0x18, 0, 0, 1), slotBytes(0)), 'BPF_LD_IMM64 uses reserved fields'],
    ['a wide load into no register', concat(slotBytes(0x18, 14), slotBytes(0)), 'R14 is invalid'],
    ['exit with an offset, which nobody minds', slotBytes(0x95, 0, 0, 3), 'accept'],
  ])('%s', (_, slots, message) => {
    // Code behind an exit has to be reachable.
    const jump = slots[0] === 0x95 ? [slotBytes(0x15, 0, 0, 1, 5)] : []
    expect(judge('socket_filter', ...jump, slots)).toBe(message)
  })

  it('count only where a path comes', () => {
    expect(judge('xdp', slotBytes(0x15, 0, 0, 1), slotBytes(0x87, 0, 1))).toBe('accept')
    expect(judge('xdp', slotBytes(0x15, 0, 0, 1), slotBytes(0x8c))).toBe('unknown opcode 8c')
  })

  it('are looked at after the program type', () => {
    const message = 'BPF_LD_[ABS|IND] instructions not allowed for this program type'
    expect(judge('xdp', slotBytes(0x20, 1))).toBe(message)
    expect(judge('xdp', slotBytes(0x40, 0, 14))).toBe(message)
  })
})

describe('decodeForVerifier', () => {
  it('gives what decodeProgram gives, where all is well', () => {
    const program = decodeForVerifier(concat(slotBytes(0x18, 1, 0, 0, 5), slotBytes(0, 0, 0, 0, 6), EXIT), 'little')
    expect(program.invalid.size).toBe(0)
    const bytes = encodeProgram(program.insns, 'big')
    expect(decodeForVerifier(bytes, 'big').insns).toEqual(decodeProgram(bytes, 'big'))
  })

  it('refuses half a slot', () => {
    expect(() => decodeForVerifier(new Uint8Array(12), 'little')).toThrow('a program of 12 bytes')
  })
})
