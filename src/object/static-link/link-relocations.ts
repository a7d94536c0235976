/**
 * Relocations of the result: at the new places, for the new symbols.
 *
 * Addends are in the place that is relocated, as clang and libbpf have them: those of RELA records, which gcc writes, are
 * moved there. A reference to a section means the start of what its file had in it.
 * @see https://docs.kernel.org/bpf/llvm_reloc.html
 * @module
 */
import { BPF_RELOCATION, type ElfRelocation, type ElfSymbol } from '../../elf/index.ts'
import { AnybpfError, type ByteOrder, quoteName } from '../../util/index.ts'
import { isCodeSection } from './link-input.ts'
import type { OutputSection, OutputSections, SectionPart } from './output-sections.ts'
import type { OutputSymbols } from './output-symbols.ts'

const SLOT_BYTES = 8
const CALL = 0x85
const LDDW = 0x18

/** The relocations of a section of the result; addends in its contents, `bytes`, are changed. */
export function linkRelocations(
  output: OutputSection,
  bytes: Uint8Array,
  sections: OutputSections,
  symbols: OutputSymbols,
  byteOrder: ByteOrder,
): ElfRelocation[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const linked: ElfRelocation[] = []
  for (const part of output.parts) {
    const { file, section } = part
    for (const relocation of file.guard(() => file.elf.relocations(section))) {
      if (relocation.type === BPF_RELOCATION.none) continue
      const one = new Relocation(part, relocation, view, byteOrder)
      const target = file.elf.symbols[relocation.symbol]!
      const symbol = symbols.numberOf(file, target.index)
      if (symbol === 0) throw one.error(`is for ${nameOf(target)}, which the result does not have`)
      const moved = target.type === 'section' ? sections.part(file, target.section)!.offset : 0
      linked.push({ offset: one.apply(moved), type: relocation.type, symbol, addend: undefined })
    }
  }
  return linked
}

class Relocation {
  private readonly part: SectionPart
  private readonly relocation: ElfRelocation
  private readonly view: DataView
  private readonly little: boolean

  constructor(part: SectionPart, relocation: ElfRelocation, view: DataView, byteOrder: ByteOrder) {
    this.part = part
    this.relocation = relocation
    this.view = view
    this.little = byteOrder === 'little'
  }

  error(what: string): AnybpfError {
    const { file, section } = this.part
    const place = `byte ${this.relocation.offset} of section ${quoteName(section.name)}`
    return new AnybpfError('ERR_RELOCATION', `${file.name}: the relocation at ${place} ${what}`)
  }

  /** Adds `moved` bytes to the addend; gives the place in the section of the result. */
  apply(moved: number): number {
    const { offset, type, addend } = this.relocation
    const { section } = this.part
    const at = this.part.offset + offset
    const code = isCodeSection(section)
    const width = widthOf(type, code)
    if (width === undefined) throw this.error(`has type ${type}, which is not known for ${code ? 'code' : 'data'}`)
    if (!(offset + width <= section.size) || this.view.byteLength === 0) throw this.error('lies outside it')
    if (code) this.applyToInsn(at, moved)
    else if (addend !== undefined || moved !== 0) this.applyToData(at, width, moved)
    return at
  }

  private applyToInsn(at: number, moved: number): void {
    const { offset, addend } = this.relocation
    if (offset % SLOT_BYTES !== 0) throw this.error('is between two instructions')
    const { view, little } = this
    const opcode = view.getUint8(at)
    const imm = view.getInt32(at + 4, little)
    if (opcode === CALL) {
      // The distance to a symbol is one slot less than its address: -1 is the symbol itself.
      const base = addend === undefined ? imm : addend / SLOT_BYTES - 1
      this.setImm(at, base + moved / SLOT_BYTES)
    } else if (opcode === LDDW) this.setImm(at, (addend ?? imm) + moved)
    else throw this.error('is neither at a call nor at an lddw')
  }

  private setImm(at: number, value: number): void {
    if (value !== (value | 0)) throw this.error(`has addend ${value}, which 32 bits do not hold`)
    this.view.setInt32(at + 4, value, this.little)
  }

  private applyToData(at: number, width: number, moved: number): void {
    const { view, little } = this
    const { addend } = this.relocation
    if (width === 8) {
      const base = addend === undefined ? view.getBigInt64(at, little) : BigInt(addend)
      view.setBigInt64(at, base + BigInt(moved), little)
    } else view.setInt32(at, (addend ?? view.getInt32(at, little)) + moved, little)
  }
}

/** Bytes that a relocation changes, or reads; undefined if it makes no sense there. */
function widthOf(type: number, code: boolean): number | undefined {
  switch (type) {
    case BPF_RELOCATION.r64_64:
      return code ? 2 * SLOT_BYTES : 8
    case BPF_RELOCATION.r64_32:
      return code ? SLOT_BYTES : undefined
    case BPF_RELOCATION.abs64:
      return code ? undefined : 8
    case BPF_RELOCATION.abs32:
      return code ? undefined : 4
    default:
      return undefined
  }
}

function nameOf({ name, index }: ElfSymbol): string {
  return name === '' ? `symbol ${index}` : `symbol ${quoteName(name)}`
}
