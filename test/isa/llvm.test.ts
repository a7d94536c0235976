/**
 * The disassembler beside llvm-objdump, where clang and llvm-objdump of version 19 or later are installed.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assemble, encodeInstruction, formatInstruction, type Instruction } from '../../src/isa/index.ts'
import { bytesToHex } from '../../src/util/index.ts'
import { arbitraryInsnOf, ENCODABLE_ROWS } from '../support/arbitrary-insn.ts'
import { SEED } from '../support/runs.ts'

function find(tool: string): string | undefined {
  for (const name of [`${tool}-19`, tool]) {
    try {
      const version = /version (\d+)/.exec(execFileSync(name, ['--version'], { encoding: 'utf8' }))?.[1]
      if (Number(version) >= 19) return name
    } catch {
      // not installed under this name
    }
  }
  return undefined
}

const clang = find('clang')
const objdump = find('llvm-objdump')

/** What llvm-objdump makes of each instruction, in order; undefined where it knows none. */
function llvmTexts(insns: readonly Instruction[]): (string | undefined)[] {
  const directory = mkdtempSync(join(tmpdir(), 'anybpf-'))
  try {
    const bytes = insns.map((insn) => Array.from(encodeInstruction(insn, 'little')).join(','))
    writeFileSync(join(directory, 'all.s'), bytes.map((list) => `.byte ${list}\n`).join(''))
    const object = join(directory, 'all.o')
    execFileSync(clang!, ['-target', 'bpfel', '-c', join(directory, 'all.s'), '-o', object])
    const dump = execFileSync(objdump!, ['--mcpu=v4', '-d', object], { encoding: 'utf8' })
    const bySlot = new Map<number, string>()
    for (const line of dump.split('\n')) {
      const match = /^\s*(\d+):\s(?:[0-9a-f]{2} )*[0-9a-f]{2}\t(.*)$/.exec(line)
      if (match !== null && match[2] !== '<unknown>') bySlot.set(Number(match[1]), match[2]!)
    }
    let slot = 0
    return insns.map((insn) => {
      const text = bySlot.get(slot)
      slot += insn.kind === 'lddw' ? 2 : 1
      return text
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * The two texts differ in this, and are made alike: llvm-objdump writes numbers in hexadecimal, the 64 bits of `lddw`
 * as a signed number, and behind a branch where it leads.
 */
const plain = (text: string): string =>
  text
    .replace(/ <[^ ]*>$/, '')
    .replace(/(-?)0x([0-9a-f]+)( ll)?/g, (_, sign: string, digits: string, wide: string | undefined) => {
      const value = BigInt(`0x${digits}`) * (sign === '-' ? -1n : 1n)
      return wide === undefined ? String(value) : `${BigInt.asUintN(64, value)} ll`
    })

/** LLVM 19 does not know these yet, and takes the acquire and release codes for atomic additions. */
const NEWER: readonly Instruction['kind'][] = ['load_acquire', 'store_release', 'goto_indirect']

/** Where llvm-objdump tells different instructions by the same text: these are relocations there. */
function isAmbiguous(insn: Instruction): boolean {
  if (insn.kind === 'lddw') return insn.source !== 'imm64'
  if (insn.kind === 'call') return insn.target !== 'helper'
  return insn.kind === 'load_packet' && insn.mode === 'ind' && insn.imm !== 0
}

describe('beside llvm-objdump', () => {
  if (clang === undefined || objdump === undefined) {
    it.skip('is compared where clang and llvm-objdump 19 are installed', () => {})
    return
  }

  it('prints the same, but for the base of numbers', () => {
    const insns = ENCODABLE_ROWS.flatMap((row) => fc.sample(arbitraryInsnOf(row), { seed: SEED, numRuns: 8 }))
    const texts = llvmTexts(insns)
    const differing: string[] = []
    let compared = 0
    for (const [i, insn] of insns.entries()) {
      const theirs = texts[i]
      if (isAmbiguous(insn) || NEWER.includes(insn.kind)) continue
      expect(theirs, formatInstruction(insn)).toBeDefined()
      if (theirs === undefined) continue
      compared++
      const ours = plain(formatInstruction(insn))
      if (ours !== plain(theirs)) differing.push(`${ours} | ${plain(theirs)}`)
      // And theirs, as it stands, is read as the same instruction.
      expect(bytesToHex(encodeInstruction(assemble(theirs, { syntax: 'kernel' })[0]!, 'little'))).toBe(
        bytesToHex(encodeInstruction(insn, 'little')),
      )
    }
    expect(compared).toBeGreaterThan(1000)
    expect(differing).toEqual([])
  }, 30_000)
})
