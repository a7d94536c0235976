/**
 * The text templates of the instruction table, taken apart for the printer and for the parser.
 * @module
 */
import type { EncodingFields } from './encoding.ts'

/** Both ways in which BPF assembly is written. */
export type AssemblySyntax = 'kernel' | 'conformance'

export type FieldForm =
  | 'r'
  | 'w'
  | '%'
  | 'imm'
  | 'imm32'
  | 'imm64'
  | 'sum'
  | 'sum+'
  | 'goto'
  | 'local'
  | 'helper'
  | 'kfunc'
  | 'hi'
  | 'lo'

export type FieldName = keyof EncodingFields

export interface TemplateField {
  readonly form: FieldForm
  readonly field: FieldName
}

/** Literal text, or a field. */
export type TemplatePart = string | TemplateField

const FIELD = /\{([a-z0-9%+]+):([a-z0-9]+)\}/g

export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let at = 0
  for (const match of template.matchAll(FIELD)) {
    if (match.index > at) parts.push(template.slice(at, match.index))
    parts.push({ form: match[1] as FieldForm, field: match[2] as FieldName })
    at = match.index + match[0].length
  }
  if (at < template.length) parts.push(template.slice(at))
  return parts
}

/** A signed distance as text: `+3`, `-2`. */
export function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`
}

/** Names that replace numbers in the text of one instruction. */
export interface FieldNames {
  /** The label of a branch's or local call's target. */
  readonly label?: string | undefined
  /** The name of the helper or kfunc that is called. */
  readonly callee?: string | undefined
}

/** The text of one field. Everything printed here is read back by the assembler. */
export function printField(part: TemplateField, fields: EncodingFields, names: FieldNames): string {
  const value = fields[part.field]
  switch (part.form) {
    case 'r':
    case 'w':
      return `${part.form}${value}`
    case '%':
      return `%r${value}`
    case 'imm':
    case 'imm32':
      return String(value)
    case 'imm64':
      return `0x${hex64(fields.imm, fields.imm2)}`
    case 'sum':
      return value < 0 ? ` - ${-value}` : ` + ${value}`
    case 'sum+':
      return signed(value)
    case 'goto':
      return names.label ?? signed(value)
    case 'local':
      return names.label ?? `pc${signed(value)}`
    case 'helper':
    case 'kfunc':
      return names.callee === undefined ? String(value) : `${names.callee}#${value}`
    case 'hi':
      return String(value >>> 16)
    case 'lo':
      return String(value & 0xffff)
  }
}

/** 64 bits given as two halves, in hexadecimal without leading zeros. */
function hex64(low: number, high: number): string {
  const lowText = (low >>> 0).toString(16)
  return high === 0 ? lowText : (high >>> 0).toString(16) + lowText.padStart(8, '0')
}
