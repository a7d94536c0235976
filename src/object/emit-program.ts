/**
 * Instructions as an object file that libbpf loads: a program in the section that says what it is, the functions that it
 * calls in `.text`, as compilers put them, and the licence. There is no BTF, and there are no maps.
 * @see https://docs.kernel.org/bpf/llvm_reloc.html
 * @module
 */
import {
  BPF_RELOCATION,
  type ElfRelocation,
  emitElf,
  type NewElfSection,
  type NewElfSymbol,
  SECTION_FLAG,
  SECTION_TYPE,
} from '../elf/index.ts'
import { codeAddressTarget, encodeProgram, type Instruction, jumpTarget } from '../isa/index.ts'
import { AnybpfError, type ByteOrder, encodeUtf8, quoteName } from '../util/index.ts'

export interface NewProgramObject {
  /** Slot-indexed; runs from the first. What `call local` and function addresses lead to become functions. */
  readonly insns: readonly Instruction[]
  /** What the program is, as libbpf names it: `xdp`, `tc`, `kprobe/do_unlinkat`. */
  readonly section: string
  /** `prog` by default. */
  readonly name?: string
  /** `GPL` by default, without which Linux refuses many helpers. */
  readonly license?: string
  /** Little by default. */
  readonly byteOrder?: ByteOrder
}

const SLOT_BYTES = 8
const CODE_FLAGS = SECTION_FLAG.alloc | SECTION_FLAG.execute
const TEXT = '.text'

/** A function of the program: slots [start, end). */
interface Part {
  readonly name: string
  readonly start: number
  readonly end: number
}

/**
 * The bytes of the object. Throws `ERR_ENCODE` for what a file cannot hold: maps by number, jumps from one function into
 * another; `ERR_USAGE` for names that make no sense.
 */
export function emitProgramObject(program: NewProgramObject): Uint8Array {
  const { insns, section, name = 'prog', license = 'GPL', byteOrder = 'little' } = program
  for (const text of [section, name]) if (text === '') throw new AnybpfError('ERR_USAGE', 'a name is empty')
  if (section === TEXT || section === 'license') {
    throw new AnybpfError('ERR_USAGE', `section ${quoteName(section)} does not say what the program is`)
  }
  if (insns.length === 0) throw new AnybpfError('ERR_ENCODE', 'there is no instruction')
  const parts = functionsOf(insns, name)
  const symbolAt = new Map(parts.map(({ start }, i) => [start, i + 1]))
  const code = encodeProgram(insns, byteOrder)
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength)
  const relocations: [program: ElfRelocation[], text: ElfRelocation[]] = [[], []]
  parts.forEach((part, i) => {
    for (let slot = part.start; slot < part.end; slot++) {
      const insn = insns[slot]!
      checkInsn(insn, slot, part)
      const target = functionTarget(insn, slot)
      if (target === undefined) continue
      // The symbol itself: -1 slots for a call, 0 bytes for an address.
      view.setInt32(SLOT_BYTES * slot + 4, insn.kind === 'call' ? -1 : 0, byteOrder === 'little')
      const base = i === 0 ? 0 : parts[0]!.end
      relocations[i === 0 ? 0 : 1].push({
        offset: SLOT_BYTES * (slot - base),
        type: insn.kind === 'call' ? BPF_RELOCATION.r64_32 : BPF_RELOCATION.r64_64,
        symbol: symbolAt.get(target)!,
        addend: undefined,
      })
    }
  })
  const split = SLOT_BYTES * parts[0]!.end
  const plain = { type: SECTION_TYPE.progbits, alignment: SLOT_BYTES, flags: CODE_FLAGS }
  const sections: NewElfSection[] = [
    { ...plain, name: section, data: code.subarray(0, split), relocations: relocations[0] },
    {
      ...plain,
      name: 'license',
      alignment: 1,
      flags: SECTION_FLAG.alloc | SECTION_FLAG.write,
      data: licenseOf(license),
    },
  ]
  if (parts.length > 1) sections.push({ ...plain, name: TEXT, data: code.subarray(split), relocations: relocations[1] })
  const symbols = parts.map((part, i): NewElfSymbol => {
    return {
      name: part.name,
      type: 'func',
      binding: i === 0 ? 'global' : 'local',
      section: i === 0 ? 1 : sections.length,
      value: i === 0 ? 0 : SLOT_BYTES * part.start - split,
      size: SLOT_BYTES * (part.end - part.start),
    }
  })
  return emitElf({ byteOrder, sections, symbols })
}

function licenseOf(license: string): Uint8Array {
  if (license.includes('\0')) throw new AnybpfError('ERR_USAGE', 'a licence cannot have a NUL')
  return encodeUtf8(`${license}\0`)
}

/** The slot of the function that an instruction calls, or takes the address of. */
function functionTarget(insn: Instruction, slot: number): number | undefined {
  if (insn.kind === 'call' && insn.target === 'local') return slot + 1 + insn.imm
  if (insn.kind === 'lddw' && insn.source === 'code_addr') return codeAddressTarget(slot, insn)
  return undefined
}

/** The function at slot 0, and those that something leads to, in the order of the code. */
function functionsOf(insns: readonly Instruction[], name: string): Part[] {
  const starts = new Set([0])
  insns.forEach((insn, slot) => {
    const target = functionTarget(insn, slot)
    if (target === undefined) return
    const there = insns[target]
    if (there === undefined || there.kind === 'wide_tail') {
      throw new AnybpfError('ERR_ENCODE', `insn ${slot} refers to slot ${target}, where no function can start`)
    }
    if (target === 0) throw new AnybpfError('ERR_ENCODE', `insn ${slot} calls the program itself, not a function`)
    starts.add(target)
  })
  const sorted = [...starts].sort((a, b) => a - b)
  return sorted.map((start, i) => {
    const end = sorted[i + 1] ?? insns.length
    return { name: start === 0 ? name : `${name}_${start}`, start, end }
  })
}

function checkInsn(insn: Instruction, slot: number, part: Part): void {
  if (insn.kind === 'lddw' && insn.source !== 'imm64' && insn.source !== 'code_addr') {
    throw new AnybpfError('ERR_ENCODE', `insn ${slot} names a map or variable by number, which means nothing in a file`)
  }
  const target = jumpTarget(slot, insn)
  if (target !== undefined && !(target >= part.start && target < part.end)) {
    throw new AnybpfError('ERR_ENCODE', `insn ${slot} jumps to slot ${target}, out of function ${quoteName(part.name)}`)
  }
}
