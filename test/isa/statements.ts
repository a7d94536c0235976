/**
 * The tests of the numbered statements of `docs/isa.md`, as data: under each statement's id, the cases that show it.
 * `statements.test.ts` drives them; other engines can be driven by the same list.
 *
 * Programs are assembler text, `;` between instructions. They run as `raw` programs: r1 is the address of the memory, r2
 * its length.
 * @module
 */
import type { InstructionGroup } from '../../src/isa/index.ts'
import type { ByteOrder } from '../../src/util/index.ts'
import { INSTRUCTION_TAG } from '../../src/vm/code-address.ts'
import type { FaultKind } from '../../src/vm/fault.ts'

/** Runs, and ends with r0; `after` is what the memory holds then. */
export interface RunCase {
  readonly kind: 'run'
  readonly program: string
  readonly r0: bigint
  /** Hexadecimal. */
  readonly memory?: string
  readonly after?: string
  /** The packet of packet access, hexadecimal; without it, the context is none. */
  readonly packet?: string
  /** Targets of the indirect jump at a slot. */
  readonly indirectTargets?: ReadonlyMap<number, readonly number[]>
}

/** Runs into a fault of that kind. */
export interface FaultCase {
  readonly kind: 'fault'
  readonly program: string
  readonly fault: FaultKind
  readonly memory?: string
  readonly indirectTargets?: ReadonlyMap<number, readonly number[]>
}

/** The bytes decode to the instructions that print as this text, and encode to the same bytes, or to `encoded`. */
export interface DecodeCase {
  readonly kind: 'decode'
  readonly bytes: string
  readonly order: ByteOrder
  readonly text: string
  readonly encoded?: string
}

/** The bytes are no program. */
export interface RefuseCase {
  readonly kind: 'refuse'
  readonly bytes: string
  readonly order: ByteOrder
}

/** The instructions are fine one by one, and the program is not. */
export interface ProblemCase {
  readonly kind: 'problem'
  readonly bytes: string
}

export interface GroupsCase {
  readonly kind: 'groups'
  readonly program: string
  readonly groups: readonly InstructionGroup[]
}

export type StatementCase = RunCase | FaultCase | DecodeCase | RefuseCase | ProblemCase | GroupsCase

const run = (program: string, r0: bigint, more: Partial<RunCase> = {}): RunCase => ({
  kind: 'run',
  program: `${program}; exit`,
  r0,
  ...more,
})
const fault = (program: string, kind: FaultKind, more: Partial<FaultCase> = {}): FaultCase => ({
  kind: 'fault',
  program: `${program}; exit`,
  fault: kind,
  ...more,
})
const decode = (bytes: string, text: string, order: ByteOrder = 'little', encoded?: string): DecodeCase => ({
  kind: 'decode',
  bytes,
  text,
  order,
  ...(encoded === undefined ? {} : { encoded }),
})
const refuse = (bytes: string, order: ByteOrder = 'little'): RefuseCase => ({ kind: 'refuse', bytes, order })
const problem = (bytes: string): ProblemCase => ({ kind: 'problem', bytes })
const groups = (program: string, ...names: InstructionGroup[]): GroupsCase => ({
  kind: 'groups',
  program,
  groups: names,
})

const ALL_ONES = 0xffffffffffffffffn
/** The least signed numbers. */
const LEAST64 = 0x8000000000000000n
const LEAST32 = 0x80000000n
/** What an instruction array holds: the address of the instruction at a slot. */
const instructionAddress = (slot: number): bigint => (BigInt(INSTRUCTION_TAG) << 32n) | BigInt(slot)
/** Puts a 64-bit number, given in hexadecimal, into a register. */
const set = (register: string, value: bigint): string => `${register} = 0x${value.toString(16)} ll`

export const STATEMENTS: Readonly<Record<string, readonly StatementCase[]>> = {
  // State
  S1: [
    decode('bf0a000000000000 9500000000000000', 'r10 = r0; exit'),
    refuse('bf0b000000000000'),
    refuse('bfb0000000000000'),
    refuse('bf0f000000000000'),
    refuse('bff0000000000000', 'big'),
  ],
  S2: [
    run('*(u64 *)(r10 - 8) = 7; *(u8 *)(r10 - 512) = 1; r0 = *(u64 *)(r10 - 8)', 7n),
    run('r0 = *(u64 *)(r10 - 512); r1 = *(u64 *)(r10 - 8); r0 |= r1', 0n),
    fault('r0 = *(u8 *)(r10 - 513)', 'stack'),
    fault('r0 = *(u8 *)(r10 + 0)', 'stack'),
  ],
  S3: [run(set('r0', 0x123456789abcdef0n), 0x123456789abcdef0n)],

  // Encoding
  S4: [
    decode('0701 0000 44332211', 'r1 += 287454020'),
    decode('0710 0000 11223344', 'r1 += 287454020', 'big'),
    decode('6121 0c00 00000000', 'w1 = *(u32 *)(r2 + 12)'),
  ],
  S5: [
    decode('1f21 0000 00000000', 'r1 -= r2'),
    decode('1f21 0000 00000000', 'r2 -= r1', 'big'),
    decode('1503 ffff 00000000', 'if r3 == 0 goto -1'),
    decode('1530 fffe 00000005', 'if r3 == 5 goto -2', 'big'),
  ],
  S6: [
    decode('1801 0000 78563412 0000 0000 f0debc9a', 'r1 = 0x9abcdef012345678 ll'),
    decode('1810 0000 12345678 0000 0000 9abcdef0', 'r1 = 0x9abcdef012345678 ll', 'big'),
    refuse('1801 0000 78563412 0100 0000 00000000'),
    refuse('1801 0000 78563412 0001 0000 00000000'),
    refuse('1801 0000 78563412 0000 0100 00000000'),
  ],
  S7: [
    decode('b701 0000 05000000', 'r1 = 5'),
    refuse('b711 0000 05000000'), // src beside an immediate
    refuse('b701 0400 05000000'), // offset of an operation
    refuse('0f21 0000 01000000'), // immediate beside a register
    refuse('8701 0000 01000000'), // immediate of neg
    refuse('6121 0000 01000000'), // immediate of a load
    refuse('9501 0000 00000000'), // dst of exit
    refuse('9500 0000 01000000'),
    refuse('0501 0000 00000000'), // dst of goto
    refuse('0500 0000 01000000'), // immediate of the short goto
    refuse('0600 0100 01000000'), // offset of the long one
    refuse('1511 0000 00000000'), // src of a comparison with an immediate
    refuse('3001 0000 00000000'), // dst of packet access
    refuse('3010 0000 00000000'), // src of ldabs
    refuse('d411 0000 10000000'), // src of a byte swap
  ],
  S8: [
    refuse('ff00 0000 00000000'),
    refuse('e701 0000 00000000'), // arithmetic operation 0xe
    refuse('8f01 0000 00000000'), // neg of a register
    refuse('df01 0000 10000000'), // bswap with the source bit
    refuse('9921 0000 00000000'), // sign-extending load of 8 bytes
    refuse('3800 0000 00000000'), // packet access of 8 bytes
    refuse('9600 0000 00000000'), // exit in JMP32
    refuse('8600 0000 01000000'), // call in JMP32
  ],
  S9: [refuse('b701 0000 050000'), refuse('b7010000 05000000 95'), refuse('1801 0000 78563412')],
  S10: [
    decode('3701 0000 03000000', 'r1 /= 3'),
    decode('3701 0100 03000000', 'r1 s/= 3'),
    refuse('3701 0200 03000000'),
    decode('9c21 0000 00000000', 'w1 %= w2'),
    decode('9c21 0100 00000000', 'w1 s%= w2'),
    decode('bf21 2000 00000000', 'r1 = (s32)r2'),
    refuse('bf21 1100 00000000'),
    refuse('bc21 2000 00000000'),
    decode('d401 0000 20000000', 'r1 = le32 r1'),
    refuse('d401 0000 08000000'),
    decode('db21 0800 00000000', 'lock *(u64 *)(r1 + 8) += r2'),
    refuse('db21 0800 02000000'),
    refuse('1871 0000 00000000 0000 0000 00000000'),
    refuse('8530 0000 01000000'),
  ],
  S11: [
    decode('8d03 0000 00000000', 'callx r3'),
    decode('8d00 0000 03000000', 'callx r3', 'little', '8d03 0000 00000000'),
    decode('8d30 0000 00000000', 'callx r3', 'big'),
  ],

  // Groups
  S12: [
    groups('w0 = 1; exit', 'base32'),
    groups('r0 = 1; exit', 'base64', 'base32'),
    groups('w1 *= 3; r1 *= 3; exit', 'divmul32', 'divmul64', 'base32'),
    groups('lock *(u32 *)(r1 + 0) += w2; lock *(u64 *)(r1 + 0) += r2', 'atomic32', 'atomic64'),
    groups('r0 = *(u8 *)skb[0]', 'packet'),
    groups(
      'callx r1; may_goto +0; w0 = load_acquire((u32 *)(r1 + 0))',
      'callx',
      'may_goto',
      'load_acquire_store_release',
    ),
    groups('r1 = addr_space_cast(r2, 0, 1); gotox r1', 'addr_space_cast', 'indirect_jump'),
  ],

  // Arithmetic
  S13: [
    run(`${set('r0', ALL_ONES)}; r0 += 2`, 1n),
    run('r0 = 0; r0 -= 1', ALL_ONES),
    run('w0 = -1; w0 += 2', 1n),
    run('w0 = 0; w0 -= 1', 0xffffffffn),
    run(`${set('r0', LEAST64)}; r0 += r0`, 0n),
  ],
  S14: [
    run(`${set('r0', 0x1111111122222222n)}; ${set('r1', 0x3333333300000001n)}; w0 += w1`, 0x22222223n),
    run(`${set('r1', 0x3333333344444444n)}; w0 = w1`, 0x44444444n),
    run(`${set('r0', ALL_ONES)}; w0 = w0`, 0xffffffffn),
    run(`${set('r0', ALL_ONES)}; w0 |= 0`, 0xffffffffn),
  ],
  S15: [
    run('r0 = -1', ALL_ONES),
    run('w0 = -1', 0xffffffffn),
    run('r0 = 0; r0 ^= -16', 0xfffffffffffffff0n),
    run(`${set('r0', ALL_ONES)}; r0 &= -16`, 0xfffffffffffffff0n),
    run(`${set('r0', ALL_ONES)}; w0 &= -16`, 0xfffffff0n),
    run('r0 = 5; r0 += -7', 0xfffffffffffffffen),
  ],
  S16: [
    run(
      `${set('r0', 0x123456789abcdef1n)}; ${set('r1', 0xfedcba9876543211n)}; r0 *= r1`,
      (0x123456789abcdef1n * 0xfedcba9876543211n) & ALL_ONES,
    ),
    run('r0 = 3; r0 *= -5', (1n << 64n) - 15n),
    run('w0 = 0x10001; w0 *= 0x10001', 0x20001n),
  ],
  S17: [
    run('r0 = 12; r0 |= 10', 14n),
    run('r0 = 12; r0 &= 10', 8n),
    run('r0 = 12; r0 ^= 10', 6n),
    run(`${set('r0', 0xf0f0f0f0f0f0f0f0n)}; ${set('r1', 0x00ff00ff00ff00ffn)}; r0 ^= r1`, 0xf00ff00ff00ff00fn),
  ],
  S18: [
    run('r0 = 17; r0 /= 5', 3n),
    run(`${set('r0', ALL_ONES)}; r1 = 2; r0 /= r1`, ALL_ONES >> 1n),
    run('r0 = 17; r1 = 0; r0 /= r1', 0n),
    run('r0 = 17; r0 /= 0', 0n),
    run('r0 = -17; r1 = 0; r0 s/= r1', 0n),
    run(`${set('r0', ALL_ONES)}; w1 = 0; w0 /= w1`, 0n),
    run(`${set('r0', ALL_ONES)}; ${set('r1', 0x100000000n)}; w0 s/= w1`, 0n),
  ],
  S19: [
    run('r0 = 17; r0 %= 5', 2n),
    run(`${set('r0', ALL_ONES)}; r1 = 0; r0 %= r1`, ALL_ONES),
    run(`${set('r0', ALL_ONES)}; r0 %= 0`, ALL_ONES),
    run(`${set('r0', ALL_ONES)}; r1 = 0; r0 s%= r1`, ALL_ONES),
    run(`${set('r0', ALL_ONES)}; w1 = 0; w0 %= w1`, 0xffffffffn),
    run(`${set('r0', ALL_ONES)}; w1 = 0; w0 s%= w1`, 0xffffffffn),
  ],
  S20: [
    run(`${set('r0', ALL_ONES)}; r0 /= -2`, 1n),
    run(`${set('r0', ALL_ONES)}; r0 %= -2`, 1n),
    run(`${set('r0', 0x1fffffffen)}; r0 /= -2`, 0n),
    run('w0 = -1; w0 /= -2', 1n),
    run('w0 = 7; w0 %= -2', 7n),
  ],
  S21: [
    run('r0 = -13; r0 s/= 3', (1n << 64n) - 4n),
    run('r0 = -13; r0 s%= 3', ALL_ONES),
    run('r0 = 13; r0 s/= -3', (1n << 64n) - 4n),
    run('r0 = 13; r0 s%= -3', 1n),
    run('r0 = -13; r1 = -3; r0 s/= r1', 4n),
    run('w0 = -13; w0 s/= 3', (1n << 32n) - 4n),
    run('w0 = -13; w1 = 3; w0 s%= w1', 0xffffffffn),
  ],
  S22: [
    run(`${set('r0', LEAST64)}; r0 s/= -1`, LEAST64),
    run(`${set('r0', LEAST64)}; r1 = -1; r0 s%= r1`, 0n),
    run(`w0 = ${LEAST32}; w0 s/= -1`, LEAST32),
    run(`w0 = ${LEAST32}; w1 = -1; w0 s%= w1`, 0n),
  ],
  S23: [
    run('r0 = 1; r1 = 65; r0 <<= r1', 2n),
    run('r0 = 1; r0 <<= 65', 2n),
    run('r0 = 4; r1 = -63; r0 >>= r1', 2n),
    run('w0 = 1; w1 = 33; w0 <<= w1', 2n),
    run('w0 = 1; w0 <<= 33', 2n),
    run(`${set('r0', LEAST64)}; r1 = 64; r0 s>>= r1`, LEAST64),
    run('w0 = 5; w1 = 32; w0 >>= w1', 5n),
  ],
  S24: [
    run(`${set('r0', ALL_ONES)}; r0 <<= 60`, 0xf000000000000000n),
    run(`${set('r0', ALL_ONES)}; r0 >>= 60`, 0xfn),
    run(`${set('r0', LEAST64)}; r0 s>>= 60`, 0xfffffffffffffff8n),
    run(`${set('r0', 0x7fffffff80000000n)}; w0 s>>= 4`, 0xf8000000n),
    run(`${set('r0', 0xffffffff70000000n)}; w0 s>>= 4`, 0x07000000n),
    run(`${set('r0', 0xffffffff80000000n)}; w0 >>= 4`, 0x08000000n),
    run(`${set('r0', 0xffffffff80000001n)}; w0 <<= 1`, 2n),
    run('r0 = 1; r0 <<= 32', 0x100000000n),
    run('r0 = 1; r0 <<= 0', 1n),
  ],
  S25: [
    run('r0 = 5; r0 = -r0', (1n << 64n) - 5n),
    run('w0 = 5; w0 = -w0', (1n << 32n) - 5n),
    run('r0 = 0; r0 = -r0', 0n),
    run(`${set('r0', LEAST64)}; r0 = -r0`, LEAST64),
    run(`${set('r0', 0xffffffff00000000n)}; w0 = -w0`, 0n),
  ],
  S26: [
    run('r1 = 0x180; r0 = (s8)r1', 0xffffffffffffff80n),
    run('r1 = 0x17f; r0 = (s8)r1', 0x7fn),
    run('r1 = 0x18000; r0 = (s16)r1', 0xffffffffffff8000n),
    run(`${set('r1', 0x180000000n)}; r0 = (s32)r1`, 0xffffffff80000000n),
    run('r1 = 0x180; w0 = (s8)w1', 0xffffff80n),
    run('r1 = 0x18000; w0 = (s16)w1', 0xffff8000n),
    refuse('bc21 2000 00000000'),
  ],

  // Byte order
  S27: [
    run(`${set('r0', 0x1122334455667788n)}; r0 = le16 r0`, 0x7788n),
    run(`${set('r0', 0x1122334455667788n)}; r0 = le32 r0`, 0x55667788n),
    run(`${set('r0', 0x1122334455667788n)}; r0 = le64 r0`, 0x1122334455667788n),
    run(`${set('r0', 0x1122334455667788n)}; r0 = be16 r0`, 0x8877n),
    run(`${set('r0', 0x1122334455667788n)}; r0 = be32 r0`, 0x88776655n),
    run(`${set('r0', 0x1122334455667788n)}; r0 = be64 r0`, 0x8877665544332211n),
  ],
  S28: [
    run(`${set('r0', 0x1122334455667788n)}; r0 = bswap16 r0`, 0x8877n),
    run(`${set('r0', 0x1122334455667788n)}; r0 = bswap32 r0`, 0x88776655n),
    run(`${set('r0', 0x1122334455667788n)}; r0 = bswap64 r0`, 0x8877665544332211n),
  ],

  // Jumps
  S29: [
    run('r0 = 1; goto +1; r0 = 2; r0 += 10', 11n),
    run('r0 = 1; goto +0; r0 += 10', 11n),
    run('r0 = 0; r0 += 1; if r0 != 5 goto -2', 5n),
    run('goto +2; r0 = 7; exit; goto -3', 7n),
    run(`r0 = 1; goto +2; ${set('r0', 2n)}; r0 += 1`, 2n),
    decode('1501 ffff 00000000', 'if r1 == 0 goto -1'),
  ],
  S30: [
    run('r0 = 1; gotol +1; r0 = 2; r0 += 10', 11n),
    run(`r0 = 1; gotol +40000; ${'r0 = 2; '.repeat(40000)}r0 += 10`, 11n),
    decode('0600 0000 00000100', 'gotol +65536'),
  ],
  S31: [
    ...(
      [
        ['==', 0n, 0n],
        ['!=', 1n, 1n],
        ['>', 1n, 0n],
        ['>=', 1n, 0n],
        ['<', 0n, 1n],
        ['<=', 0n, 1n],
        ['s>', 0n, 1n],
        ['s>=', 0n, 1n],
        ['s<', 1n, 0n],
        ['s<=', 1n, 0n],
      ] as const
    ).flatMap(([operator, minusOneOfOne, oneOfMinusOne]) => [
      run(`r0 = 1; r1 = -1; r2 = 1; if r1 ${operator} r2 goto +1; r0 = 0`, minusOneOfOne),
      run(`r0 = 1; r1 = -1; r2 = 1; if r2 ${operator} r1 goto +1; r0 = 0`, oneOfMinusOne),
      run(`r0 = 1; w1 = -1; if w1 ${operator} 1 goto +1; r0 = 0`, minusOneOfOne),
    ]),
    ...(['==', '>=', '<=', 's>=', 's<='] as const).map((operator) =>
      run(`r0 = 1; r1 = 7; if r1 ${operator} 7 goto +1; r0 = 0`, 1n),
    ),
    ...(['!=', '>', '<', 's>', 's<'] as const).map((operator) =>
      run(`r0 = 1; r1 = 7; if r1 ${operator} 7 goto +1; r0 = 0`, 0n),
    ),
  ],
  S32: [
    run('r0 = 1; r1 = -1; if r1 == -1 goto +1; r0 = 0', 1n),
    run(`r0 = 1; ${set('r1', 0xffffffffn)}; if r1 == -1 goto +1; r0 = 0`, 0n),
    run('r0 = 1; r1 = -1; if r1 > -2 goto +1; r0 = 0', 1n),
    run(`r0 = 1; ${set('r1', 0xffffffffn)}; if r1 > -2 goto +1; r0 = 0`, 0n),
    run(`r0 = 1; ${set('r1', 0x100000000n)}; ${set('r2', 0x200000000n)}; if r1 < r2 goto +1; r0 = 0`, 1n),
  ],
  S33: [
    run(`r0 = 1; ${set('r1', 0x100000005n)}; if w1 == 5 goto +1; r0 = 0`, 1n),
    run(`r0 = 1; ${set('r1', 0x100000005n)}; ${set('r2', 0x200000005n)}; if w1 == w2 goto +1; r0 = 0`, 1n),
    run(`r0 = 1; ${set('r1', 0x7fffffff80000000n)}; if w1 s< 0 goto +1; r0 = 0`, 1n),
    run(`r0 = 1; ${set('r1', 0xffffffffn)}; if w1 > -2 goto +1; r0 = 0`, 1n),
    run(`r0 = 1; ${set('r1', 0x100000000n)}; if w1 & -1 goto +1; r0 = 0`, 0n),
  ],
  S34: [
    run('r0 = 1; r1 = 6; if r1 & 2 goto +1; r0 = 0', 1n),
    run('r0 = 1; r1 = 6; if r1 & 9 goto +1; r0 = 0', 0n),
    run(`r0 = 1; ${set('r1', LEAST64)}; if r1 & -2 goto +1; r0 = 0`, 1n),
    run(`r0 = 1; ${set('r1', LEAST64)}; if w1 & -2 goto +1; r0 = 0`, 0n),
  ],
  S35: [
    problem('0500 0100 00000000 9500 0000 00000000'), // behind the end
    problem('0500 feff 00000000 9500 0000 00000000'), // before the start
    problem('0500 0100 00000000 1800 0000 00000000 0000 0000 00000000 9500 0000 00000000'), // second half of an lddw
    problem('b700 0000 00000000'), // off the end
    problem('8510 0000 05000000 9500 0000 00000000'), // a call to nowhere
  ],

  // Calls
  S36: [
    decode('8500 0000 05000000', 'call 5'),
    decode('8510 0000 05000000', 'call pc+5'),
    decode('8520 0000 05000000', 'call kfunc 5'),
    decode('8520 0200 05000000', 'call kfunc 5, 2'),
    refuse('8500 0200 05000000'),
    refuse('8510 0200 05000000'),
  ],
  S37: [
    run('r1 = 5; call pc+2; r0 += 1; exit; r0 = r1; r0 *= 2', 11n),
    run('goto +2; r0 = 3; exit; call pc-3; r0 += 1', 4n),
  ],
  S38: [
    run(
      'r1 = 1; r2 = 2; r3 = 3; r4 = 4; r5 = 5; call pc+1; exit; r0 = r1; r0 -= r2; r0 += r3; r0 *= r4; r0 += r5',
      13n,
    ),
    run(`call pc+1; exit; ${set('r0', 0xfeedfacecafebeefn)}`, 0xfeedfacecafebeefn),
    run('r0 = 1; r6 = 2; r7 = 4; r8 = 8; r9 = 16; call pc+1; exit; r0 |= r6; r0 |= r7; r0 |= r8; r0 |= r9', 0n),
  ],
  S39: [
    run('*(u64 *)(r10 - 8) = 1; call pc+2; r0 = *(u64 *)(r10 - 8); exit; *(u64 *)(r10 - 8) = 2; r0 = 0', 1n),
    run(
      'r6 = 1; r7 = 2; r8 = 3; r9 = 4; call pc+5; r0 = r6; r0 += r7; r0 += r8; r0 += r9; exit; r6 = 50; r7 = 50; r8 = 50; r9 = 50; r0 = 0',
      10n,
    ),
    run('r6 = r10; call pc+4; r0 = 0; if r6 != r10 goto +1; r0 = 1; exit; r0 = 0', 1n),
  ],
  S40: [
    // The function calls itself r1 times, and counts.
    run('r1 = 7; r2 = 0; call pc+1; exit; r2 += 1; r1 -= 1; if r1 != 0 goto +2; r0 = r2; exit; call pc-6', 7n),
    fault(
      'r1 = 8; r2 = 0; call pc+1; exit; r2 += 1; r1 -= 1; if r1 != 0 goto +2; r0 = r2; exit; call pc-6',
      'call_depth',
    ),
  ],
  S41: [
    run('r2 = code_addr(+5); r1 = 20; callx r2; r0 += 1; exit; r0 = r1; r0 += 1', 22n),
    fault(`${set('r2', 0x500000001n)}; callx r2; r0 = 0`, 'bad_call'),
    fault('r2 = 12345678; callx r2; r0 = 0', 'unknown_helper'),
  ],

  // Loads and stores
  S42: [
    ...(
      [
        ['u8', 0x88n],
        ['u16', 0x9988n],
        ['u32', 0xbbaa9988n],
        ['u64', 0xffeeddccbbaa9988n],
      ] as const
    ).map(([type, value]) => run(`r0 = -1; r0 = *(${type} *)(r1 + 0)`, value, { memory: '8899aabbccddeeff' })),
    ...(
      [
        ['s8', 0xffffffffffffff88n],
        ['s16', 0xffffffffffff9988n],
        ['s32', 0xffffffffbbaa9988n],
      ] as const
    ).map(([type, value]) => run(`r0 = *(${type} *)(r1 + 0)`, value, { memory: '8899aabbccddeeff' })),
    run('r0 = *(s8 *)(r1 + 0)', 0x7fn, { memory: '7fff000000000000' }),
  ],
  S43: [
    ...(
      [
        ['u8', '88ffffffffffffff'],
        ['u16', '8877ffffffffffff'],
        ['u32', '88776655ffffffff'],
        ['u64', '8877665544332211'],
      ] as const
    ).map(([type, after]) =>
      run(`${set('r2', 0x1122334455667788n)}; *(${type} *)(r1 + 0) = r2; r0 = 0`, 0n, {
        memory: 'ffffffffffffffff',
        after,
      }),
    ),
    run('*(u64 *)(r1 + 0) = -2; r0 = 0', 0n, { memory: '0000000000000000', after: 'feffffffffffffff' }),
    run('*(u32 *)(r1 + 0) = -2; r0 = 0', 0n, { memory: '0000000000000000', after: 'feffffff00000000' }),
    run('*(u8 *)(r1 + 0) = 0x1ff; r0 = 0', 0n, { memory: '0000000000000000', after: 'ff00000000000000' }),
  ],
  S44: [
    run('r0 = *(u16 *)(r1 + 0)', 0x0201n, { memory: '0102030405060708' }),
    run('*(u32 *)(r1 + 4) = 0x01020304; r0 = 0', 0n, { memory: '0000000000000000', after: '0000000004030201' }),
  ],
  S45: [
    run('r1 += 8; r0 = *(u8 *)(r1 - 7)', 2n, { memory: '0102030405060708' }),
    run('r1 += -32760; r0 = *(u8 *)(r1 + 32761)', 2n, { memory: '0102030405060708' }),
    fault(`${set('r3', 0x100000000n)}; r1 += r3; r0 = *(u8 *)(r1 + 0)`, 'out_of_bounds', {
      memory: '0102030405060708',
    }),
  ],
  S46: [
    run('r0 = *(u64 *)(r1 + 3)', 0x0b0a090807060504n, { memory: '0102030405060708090a0b0c0d0e0f10' }),
    run('*(u32 *)(r1 + 1) = 0x01020304; r0 = 0', 0n, { memory: '0000000000000000', after: '0004030201000000' }),
  ],

  // Atomics
  S47: [
    ...(
      [
        ['+=', '0f00000000000000'],
        ['|=', '0f00000000000000'],
        ['&=', '0000000000000000'],
        ['^=', '0f00000000000000'],
      ] as const
    ).map(([operator, after]) =>
      run(`r2 = 5; lock *(u64 *)(r1 + 0) ${operator} r2; r0 = r2`, 5n, { memory: '0a00000000000000', after }),
    ),
    run('w2 = 3; lock *(u32 *)(r1 + 0) ^= w2; r0 = r2', 3n, { memory: '0a00000000000000', after: '0900000000000000' }),
  ],
  S48: [
    ...(
      [
        ['add', '0b00000000000000'],
        ['or', '0b00000000000000'],
        ['and', '0000000000000000'],
        ['xor', '0b00000000000000'],
      ] as const
    ).map(([name, after]) =>
      run(`r2 = 1; r2 = atomic_fetch_${name}((u64 *)(r1 + 0), r2); r0 = r2`, 10n, {
        memory: '0a00000000000000',
        after,
      }),
    ),
    run('r2 = -1; r2 = atomic_fetch_add((u64 *)(r1 + 0), r2); r0 = r2', LEAST64, {
      memory: '0000000000000080',
      after: 'ffffffffffffff7f',
    }),
  ],
  S49: [
    run('r2 = 1; r2 = xchg_64(r1 + 0, r2); r0 = r2', 10n, { memory: '0a00000000000000', after: '0100000000000000' }),
    run('r2 = 1; w2 = xchg32_32(r1 + 0, w2); r0 = r2', 10n, { memory: '0a000000ffffffff', after: '01000000ffffffff' }),
  ],
  S50: [
    run('r0 = 10; r2 = 1; r0 = cmpxchg_64(r1 + 0, r0, r2)', 10n, {
      memory: '0a00000000000000',
      after: '0100000000000000',
    }),
    run('r0 = 11; r2 = 1; r0 = cmpxchg_64(r1 + 0, r0, r2)', 10n, {
      memory: '0a00000000000000',
      after: '0a00000000000000',
    }),
    run('r0 = 10; r2 = 1; r0 = cmpxchg_64(r1 + 0, r0, r2); r0 = r2', 1n, { memory: '0a00000000000000' }),
    run(`${set('r0', 0x10000000an)}; r2 = 1; r0 = cmpxchg_64(r1 + 0, r0, r2)`, 10n, {
      memory: '0a00000000000000',
      after: '0a00000000000000',
    }),
  ],
  S51: [
    run(`${set('r2', 0x500000001n)}; lock *(u32 *)(r1 + 0) += w2; r0 = r2`, 0x500000001n, {
      memory: 'ffffffff07000000',
      after: '0000000007000000',
    }),
    run('r2 = -1; w2 = atomic_fetch_or((u32 *)(r1 + 0), w2); r0 = r2', 0x80000000n, {
      memory: '0000008007000000',
      after: 'ffffffff07000000',
    }),
    run(`${set('r0', 0x70000000an)}; r2 = 1; w0 = cmpxchg32_32(r1 + 0, w0, w2)`, 10n, {
      memory: '0a00000007000000',
      after: '0100000007000000',
    }),
    run('r0 = -1; r2 = 1; w0 = cmpxchg32_32(r1 + 0, w0, w2)', 10n, {
      memory: '0a00000007000000',
      after: '0a00000007000000',
    }),
  ],
  S52: [refuse('cb21 0000 00000000'), refuse('d321 0000 00000000'), refuse('d321 0000 e1000000')],
  S53: [
    fault('r2 = 1; lock *(u64 *)(r1 + 4) += r2; r0 = 0', 'misaligned_atomic', {
      memory: '00000000000000000000000000000000',
    }),
    fault('r2 = 1; lock *(u32 *)(r1 + 2) += w2; r0 = 0', 'misaligned_atomic', {
      memory: '00000000000000000000000000000000',
    }),
    run('r2 = 1; lock *(u32 *)(r1 + 4) += w2; r0 = 0', 0n, { memory: '0000000000000000', after: '0000000001000000' }),
  ],

  // 64-bit immediates
  S54: [
    decode('1811 0000 05000000 0000 0000 00000000', 'r1 = map_by_fd(5)'),
    decode('1821 0000 05000000 0000 0000 08000000', 'r1 = map_val(map_by_fd(5)) + 8'),
    decode('1831 0000 05000000 0000 0000 00000000', 'r1 = var_addr(5)'),
    decode('1841 0000 05000000 0000 0000 00000000', 'r1 = code_addr(+5)'),
    decode('1851 0000 05000000 0000 0000 00000000', 'r1 = map_by_idx(5)'),
    decode('1861 0000 05000000 0000 0000 08000000', 'r1 = map_val(map_by_idx(5)) + 8'),
    refuse('1811 0000 05000000 0000 0000 01000000'),
    refuse('1841 0000 05000000 0000 0000 01000000'),
  ],
  S55: [
    run('r0 = 0x123456789abcdef0 ll', 0x123456789abcdef0n),
    run('r0 = 0xffffffff ll', 0xffffffffn),
    run('r0 = 0xffffffff00000000 ll', 0xffffffff00000000n),
  ],
  S56: [
    run('r2 = code_addr(+3); callx r2; exit; r0 = 9', 9n),
    run('goto +2; r0 = 4; exit; r2 = code_addr(-3); callx r2', 4n),
  ],

  // Packet access
  S57: [
    run('r6 = r1; r0 = *(u8 *)skb[1]', 0x22n, { packet: '11223344' }),
    run('r6 = r1; r0 = *(u16 *)skb[1]', 0x2233n, { packet: '11223344' }),
    run('r6 = r1; r0 = *(u32 *)skb[0]', 0xf1223344n, { packet: 'f1223344' }),
  ],
  S58: [
    run('r6 = r1; r7 = 2; r0 = *(u8 *)skb[r7 + 1]', 0x44n, { packet: '11223344' }),
    run('r6 = r1; r7 = -1; r0 = *(u8 *)skb[r7 + 1]', 0x11n, { packet: '11223344' }),
    run(`r6 = r1; ${set('r7', 0x500000002n)}; r0 = *(u8 *)skb[r7 + 0]`, 0x33n, { packet: '11223344' }),
  ],
  S59: [
    run('r6 = r1; r0 = *(u32 *)skb[1]; r0 = 7', 0n, { packet: '11223344' }),
    run('r6 = r1; r0 = *(u8 *)skb[4]; r0 = 7', 0n, { packet: '11223344' }),
    run('r6 = r1; r0 = *(u8 *)skb[3]; r0 = 7', 7n, { packet: '11223344' }),
  ],
  S60: [fault('r6 = r1; r0 = *(u8 *)skb[0]', 'no_packet')],

  // Beyond the RFC
  S61: [
    run('r0 = -1; w0 = load_acquire((u8 *)(r1 + 1))', 0x99n, { memory: '8899aabbccddeeff' }),
    run('r0 = -1; w0 = load_acquire((u16 *)(r1 + 2))', 0xbbaan, { memory: '8899aabbccddeeff' }),
    run('r0 = -1; w0 = load_acquire((u32 *)(r1 + 4))', 0xffeeddccn, { memory: '8899aabbccddeeff' }),
    run('r0 = load_acquire((u64 *)(r1 + 0))', 0xffeeddccbbaa9988n, { memory: '8899aabbccddeeff' }),
    run(`${set('r2', 0x1122334455667788n)}; store_release((u16 *)(r1 + 2), w2); r0 = 0`, 0n, {
      memory: '0000000000000000',
      after: '0000887700000000',
    }),
    run(`${set('r2', 0x1122334455667788n)}; store_release((u64 *)(r1 + 0), r2); r0 = 0`, 0n, {
      memory: '0000000000000000',
      after: '8877665544332211',
    }),
    fault('r0 = load_acquire((u64 *)(r1 + 4))', 'misaligned_atomic', { memory: '00000000000000000000000000000000' }),
    fault('r2 = 0; store_release((u16 *)(r1 + 1), w2)', 'misaligned_atomic', { memory: '0000000000000000' }),
  ],
  S62: [
    run('r0 = 0; r0 += 1; if r0 == 100 goto +2; may_goto +1; goto -4', 100n),
    // Each call has a budget of its own: two of them go round twice as often.
    run('r6 = 0; call pc+4; r6 += r0; call pc+2; r0 += r6; exit; r0 = 0; r0 += 1; may_goto +1; goto -3', 2n * 8388609n),
  ],
  S63: [
    decode('bf21 0100 01000000', 'r1 = addr_space_cast(r2, 0, 1)'),
    decode('bf21 0100 00000100', 'r1 = addr_space_cast(r2, 1, 0)'),
    refuse('bf21 0100 00000000'),
    refuse('bf21 0100 01000100'),
    refuse('bc21 0100 01000000'),
    run(`${set('r2', 0x1234567890n)}; r0 = addr_space_cast(r2, 0, 1)`, 0x34567890n),
    run(`${set('r2', 0x1234567890n)}; r0 = addr_space_cast(r2, 1, 0)`, 0x34567890n),
  ],
  S64: [
    decode('0d03 0000 00000000', 'gotox r3'),
    refuse('0d30 0000 00000000'),
    refuse('0e03 0000 00000000'),
    run(`${set('r3', instructionAddress(4))}; gotox r3; r0 = 1; r0 = 2`, 2n, {
      indirectTargets: new Map([[2, [3, 4]]]),
    }),
    fault(`${set('r3', instructionAddress(4))}; gotox r3; r0 = 1; r0 = 2`, 'bad_jump', {
      indirectTargets: new Map([[2, [3]]]),
    }),
    fault('r3 = 4; gotox r3; r0 = 1; r0 = 2', 'bad_jump', { indirectTargets: new Map([[1, [2, 3]]]) }),
    fault(`${set('r3', instructionAddress(4))}; gotox r3; r0 = 1; r0 = 2`, 'bad_jump'),
  ],
}
