import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { caseBytes, type VerifierCorpus } from '../../../scripts/score/verifier-corpus.ts'
import type { Instruction } from '../../../src/isa/index.ts'
import { linux } from '../../../src/spec/index.ts'
import {
  fieldsOfBytes,
  formatLinuxFields,
  formatLinuxInsn,
  type InsnNames,
} from '../../../src/verifier/report/linux-insn.ts'

const NAMES: InsnNames = { helper: (id) => linux().helpers.get(id)?.name }
const CORPUS = resolve(process.env['ANYBPF_CORPUS'] ?? '../shared/corpus', 'test_verifier.json')

describe('instructions as Linux prints them', () => {
  // Measured: the log of a 6.18 kernel, one instruction of each form.
  it.each<[string, Instruction]>([
    ['(07) r1 += -8', { kind: 'alu', op: 'add', width: 64, dst: 1, src: { imm: -8 } }],
    ['(0c) w1 += w2', { kind: 'alu', op: 'add', width: 32, dst: 1, src: { reg: 2 } }],
    ['(b7) r0 = 0', { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { imm: 0 } }],
    ['(c7) r3 s>>= 32', { kind: 'alu', op: 'arsh', width: 64, dst: 3, src: { imm: 32 } }],
    ['(3f) r3 s/= r4', { kind: 'alu', op: 'sdiv', width: 64, dst: 3, src: { reg: 4 } }],
    ['(94) w3 s%= 7', { kind: 'alu', op: 'smod', width: 32, dst: 3, src: { imm: 7 } }],
    ['(bf) r1 = (s8)r2', { kind: 'movsx', width: 64, bits: 8, dst: 1, src: 2 }],
    ['(bc) w1 = (s16)w2', { kind: 'movsx', width: 32, bits: 16, dst: 1, src: 2 }],
    ['(84) w4 = -w4', { kind: 'neg', width: 32, dst: 4 }],
    ['(dc) r5 = be16 r5', { kind: 'endian', op: 'be', bits: 16, dst: 5 }],
    ['(d4) r5 = le64 r5', { kind: 'endian', op: 'le', bits: 64, dst: 5 }],
    ['(d7) r5 = bswap32 r5', { kind: 'endian', op: 'bswap', bits: 32, dst: 5 }],
    ['(bf) r1 = addr_space_cast(r2, 0, 1)', { kind: 'addr_space_cast', dst: 1, src: 2, to: 0, from: 1 }],
    ['(79) r0 = *(u64 *)(r0 +0)', { kind: 'load', size: 8, signed: false, dst: 0, base: 0, off: 0 }],
    ['(91) r0 = *(s8 *)(r6 -4)', { kind: 'load', size: 1, signed: true, dst: 0, base: 6, off: -4 }],
    ['(7a) *(u64 *)(r10 -8) = 5', { kind: 'store', size: 8, base: 10, off: -8, src: { imm: 5 } }],
    ['(6b) *(u16 *)(r1 +2) = r3', { kind: 'store', size: 2, base: 1, off: 2, src: { reg: 3 } }],
    ['(db) lock *(u64 *)(r1 -8) += r0', { kind: 'atomic', op: 'add', size: 8, fetch: false, base: 1, off: -8, src: 0 }],
    ['(c3) lock *(u32 *)(r1 +4) ^= r2', { kind: 'atomic', op: 'xor', size: 4, fetch: false, base: 1, off: 4, src: 2 }],
    [
      '(db) r2 = atomic64_fetch_or((u64 *)(r1 +0), r2)',
      { kind: 'atomic', op: 'or', size: 8, fetch: true, base: 1, off: 0, src: 2 },
    ],
    [
      '(c3) r2 = atomic_xchg((u32 *)(r1 +0), r2)',
      { kind: 'atomic', op: 'xchg', size: 4, fetch: true, base: 1, off: 0, src: 2 },
    ],
    [
      '(db) r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r5)',
      { kind: 'atomic', op: 'cmpxchg', size: 8, fetch: true, base: 10, off: -8, src: 5 },
    ],
    ['(db) r1 = load_acquire((u64 *)(r10 -8))', { kind: 'load_acquire', size: 8, dst: 1, base: 10, off: -8 }],
    ['(cb) store_release((u16 *)(r10 -8), r1)', { kind: 'store_release', size: 2, base: 10, off: -8, src: 1 }],
    ['(20) r0 = *(u32 *)skb[14]', { kind: 'load_packet', mode: 'abs', size: 4, src: 0, imm: 14 }],
    ['(50) r0 = *(u8 *)skb[r7 + -1]', { kind: 'load_packet', mode: 'ind', size: 1, src: 7, imm: -1 }],
    ['(18) r1 = 0x1ffffffff', { kind: 'lddw', source: 'imm64', dst: 1, imm: -1, imm2: 1 }],
    ['(18) r2 = 0x7', { kind: 'lddw', source: 'code_addr', dst: 2, imm: 7, imm2: 0 }],
    ['(15) if r1 == 0x0 goto pc+2', { kind: 'jump', op: 'eq', width: 64, dst: 1, src: { imm: 0 }, off: 2 }],
    ['(46) if w1 & 0xfffffff8 goto pc-3', { kind: 'jump', op: 'set', width: 32, dst: 1, src: { imm: -8 }, off: -3 }],
    ['(6d) if r2 s> r1 goto pc+1', { kind: 'jump', op: 'sgt', width: 64, dst: 2, src: { reg: 1 }, off: 1 }],
    ['(05) goto pc-1', { kind: 'goto', wide: false, off: -1 }],
    ['(06) gotol pc+70000', { kind: 'goto', wide: true, off: 70000 }],
    ['(e5) may_goto pc+5', { kind: 'may_goto', off: 5 }],
    ['(85) call bpf_map_lookup_elem#1', { kind: 'call', target: 'helper', imm: 1, off: 0 }],
    ['(85) call unknown#1234567', { kind: 'call', target: 'helper', imm: 1234567, off: 0 }],
    ['(85) call pc+12', { kind: 'call', target: 'local', imm: 12, off: 0 }],
    ['(85) call kernel-function#77', { kind: 'call', target: 'kfunc', imm: 77, off: 0 }],
    ['(95) exit', { kind: 'exit' }],
  ])('%s', (text, insn) => {
    expect(formatLinuxInsn(insn, NAMES)).toBe(text)
  })

  it('names what no instruction is, as the kernel does before it refuses it', () => {
    const fields = (hex: string): string => formatLinuxFields(fieldsOfBytes(Buffer.from(hex, 'hex')), NAMES)
    expect(fields('8510000000000000')).toBe('(85) call pc+0')
    expect(fields('e300000000000000')).toBe('BUG_e3')
    expect(fields('e200000000000000')).toBe('BUG_st_e2')
    expect(fields('c100000000000000')).toBe('BUG_ldx_c1')
    expect(fields('6000000000000000')).toBe('BUG_ld_60')
    expect(fields('8530000000000000')).toBe('(85) call unknown#0')
  })

  it.skipIf(!existsSync(CORPUS))('prints every instruction in the logs of the corpus', () => {
    const corpus = JSON.parse(readFileSync(CORPUS, 'utf8')) as VerifierCorpus
    const addresses = /= 0x[0-9a-f]{13,}$/
    let compared = 0
    for (const test of corpus.tests) {
      const bytes = caseBytes(test)
      const fixed = new Set([...(test.fixups ?? []), ...(test.kfunc_fixups ?? [])].map(({ insn }) => insn))
      for (const line of (test.linux618.log_tail ?? '').split('\n')) {
        const match = /^(\d+): (\([0-9a-f]{2}\).*)$/.exec(line)
        if (match === null || fixed.has(Number(match[1]))) continue
        const slot = Number(match[1])
        // The state follows behind a semicolon, or in the same line where a branch was taken up.
        const theirs = match[2]!
          .replace(/ *;.*$/, '')
          .replace(/ (?:\d+: |infinite loop).*$/, '')
          .trimEnd()
        if (addresses.test(theirs)) continue
        const ours = formatLinuxFields(fieldsOfBytes(bytes.subarray(slot * 8, slot * 8 + 16)), NAMES)
        expect(ours, test.id).toBe(theirs)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(1000)
  })
})
