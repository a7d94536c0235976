/**
 * Instructions to text, in the syntax that llvm-objdump and the kernel print, or in the conformance suite's.
 *
 * Numbers are decimal, but for the 64 bits of `lddw`. Everything printed here assembles to the same instruction again.
 * @see https://docs.kernel.org/bpf/standardization/instruction-set.html
 * @module
 */
import { AnybpfError, type ByteOrder, bytesToHex } from '../util/index.ts'
import { encodeInstruction } from './encode.ts'
import { type EncodingFields, instructionFields, instructionRow } from './encoding.ts'
import type { Instruction } from './instruction.ts'
import type { InstructionRow } from './instruction-row.ts'
import { type AssemblySyntax, type FieldNames, parseTemplate, printField, type TemplatePart } from './text-template.ts'
import { branchTarget } from './validate.ts'

export interface FormatOptions extends FieldNames {
  /** `kernel` by default. */
  readonly syntax?: AssemblySyntax
}

export interface DisassembleOptions {
  /** `kernel` by default. */
  readonly syntax?: AssemblySyntax
  /** Names of slots, printed as labels and in the branches that go there; see {@link labelTargets}. */
  readonly labels?: ReadonlyMap<number, string>
  /** The name of a helper or, with the `off` of the call, of a kfunc. */
  readonly calleeName?: (target: 'helper' | 'kfunc', id: number, off: number) => string | undefined
  /** What to say behind an instruction as a comment, such as the map that it loads. */
  readonly comment?: (insn: Instruction, slot: number) => string | undefined
  /** Adds the bytes of the encoding, in this byte order. */
  readonly bytes?: ByteOrder
}

/** One instruction; the second slot of a wide one has no line. */
export interface DisassemblyLine {
  readonly slot: number
  readonly text: string
  readonly label?: string
  readonly comment?: string
  /** Hexadecimal, 8 or 16 bytes, a blank between bytes. */
  readonly bytes?: string
}

interface PrintTemplate {
  readonly parts: readonly TemplatePart[]
  /** Fields that the row leaves free and the text does not mention. */
  readonly omitted: readonly (keyof EncodingFields)[]
}

const FIELD_NAMES = ['dst', 'src', 'off', 'imm', 'imm2'] as const

const printTemplates: Record<AssemblySyntax, Map<InstructionRow, readonly PrintTemplate[]>> = {
  kernel: new Map(),
  conformance: new Map(),
}

function templatesOf(row: InstructionRow, syntax: AssemblySyntax): readonly PrintTemplate[] {
  const known = printTemplates[syntax].get(row)
  if (known !== undefined) return known
  const templates = row[syntax].map((template) => {
    const parts = parseTemplate(template)
    const mentioned = new Set<string>()
    for (const part of parts) {
      if (typeof part === 'string') continue
      mentioned.add(part.field)
      if (part.form === 'imm64') mentioned.add('imm2')
    }
    return { parts, omitted: FIELD_NAMES.filter((name) => typeof row[name] === 'string' && !mentioned.has(name)) }
  })
  printTemplates[syntax].set(row, templates)
  return templates
}

/**
 * The text of one instruction, without a label; empty for the second slot of a wide one.
 * Throws ERR_ENCODE for a combination that no encoding has.
 */
export function formatInstruction(insn: Instruction, options: FormatOptions = {}): string {
  if (insn.kind === 'wide_tail') return ''
  const row = instructionRow(insn)
  if (row === undefined) throw new AnybpfError('ERR_ENCODE', `no such instruction: ${JSON.stringify(insn)}`)
  const fields = instructionFields(insn)
  const templates = templatesOf(row, options.syntax ?? 'kernel')
  const template = templates.find(({ omitted }) => omitted.every((name) => fields[name] === 0)) ?? templates[0]!
  let text = ''
  for (const part of template.parts) text += typeof part === 'string' ? part : printField(part, fields, options)
  return text
}

/** The lines of a slot-indexed program. */
export function disassemble(insns: readonly Instruction[], options: DisassembleOptions = {}): DisassemblyLine[] {
  const lines: DisassemblyLine[] = []
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!
    if (insn.kind === 'wide_tail') continue
    const target = branchTarget(insn, slot)
    const text = formatInstruction(insn, {
      syntax: options.syntax ?? 'kernel',
      label: target === undefined ? undefined : options.labels?.get(target),
      callee: calleeOf(insn, options),
    })
    const label = options.labels?.get(slot)
    const comment = options.comment?.(insn, slot)
    lines.push({
      slot,
      text,
      ...(label === undefined ? {} : { label }),
      ...(comment === undefined ? {} : { comment }),
      ...(options.bytes === undefined ? {} : { bytes: bytesToHex(encodeInstruction(insn, options.bytes), ' ') }),
    })
  }
  return lines
}

const IDENTIFIER = /^[A-Za-z_.$][\w.$]*$/

function calleeOf(insn: Instruction, options: DisassembleOptions): string | undefined {
  if (insn.kind !== 'call' || insn.target === 'local') return undefined
  const name = options.calleeName?.(insn.target, insn.imm, insn.off)
  // The number is the fact; a name that could not be read back is left away.
  return name !== undefined && IDENTIFIER.test(name) && insn.imm >= 0 ? name : undefined
}

export interface PrintOptions {
  /** Numbers each line by its slot, as objdump does. Such text does not assemble. */
  readonly slots?: boolean
}

/** Lines as text, labels at the margin. Without `slots` and bytes, the text assembles to the same program. */
export function printDisassembly(lines: readonly DisassemblyLine[], options: PrintOptions = {}): string {
  const numberWidth = String(lines.at(-1)?.slot ?? 0).length
  const byteWidth = lines.some((line) => line.bytes !== undefined) ? 3 * 16 : 0
  let text = ''
  for (const line of lines) {
    if (line.label !== undefined) text += `${line.label}:\n`
    text += '  '
    if (options.slots) text += `${String(line.slot).padStart(numberWidth)}: `
    if (byteWidth > 0) text += (line.bytes ?? '').padEnd(byteWidth)
    text += line.text
    if (line.comment !== undefined) text += `  # ${line.comment.replace(/[\r\n]+/g, ' ')}`
    text += '\n'
  }
  return text
}

/**
 * A label for every slot that a branch, a local call or a function's address leads to, and for the slots that `names`
 * gives (functions). The results are distinct and the assembler can read them.
 */
export function labelTargets(
  insns: readonly Instruction[],
  names: ReadonlyMap<number, string> = new Map(),
): Map<number, string> {
  const slots = new Set<number>(names.keys())
  for (let slot = 0; slot < insns.length; slot++) {
    const target = branchTarget(insns[slot]!, slot)
    if (target !== undefined) slots.add(target)
  }
  const labels = new Map<number, string>()
  const taken = new Set<string>()
  /** How many labels were asked for by one text: many names may look the same as labels. */
  const copies = new Map<string, number>()
  let number = 0
  for (const slot of [...slots].sort((a, b) => a - b)) {
    const insn = insns[slot]
    if (insn === undefined || insn.kind === 'wide_tail') continue
    const name = names.get(slot)
    const wanted = name === undefined ? `L${++number}` : readableLabel(name)
    let label = wanted
    while (taken.has(label)) {
      const copy = (copies.get(wanted) ?? 1) + 1
      copies.set(wanted, copy)
      label = `${wanted}.${copy}`
    }
    taken.add(label)
    labels.set(slot, label)
  }
  return labels
}

function readableLabel(name: string): string {
  const plain = name.replace(/[^\w.$]/g, '_')
  return /^(?:[0-9]|[rw]\d+$|$)/.test(plain) ? `_${plain}` : plain
}
