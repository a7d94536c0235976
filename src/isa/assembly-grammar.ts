/**
 * The grammar of assembler text: the templates of the instruction table as one tree, walked token by token.
 * @module
 */
import { lexFragment } from './assembly-lexer.ts'
import type { InstructionRow } from './instruction-row.ts'
import { INSTRUCTION_TABLE } from './instruction-table.ts'
import { type AssemblySyntax, parseTemplate, printField, type TemplateField } from './text-template.ts'

export interface GrammarNode {
  /** The next token as it stands in the template. */
  readonly literals: Map<string, GrammarNode>
  readonly fields: { readonly field: TemplateField; readonly next: GrammarNode }[]
  /** Set where a statement may end. */
  end?: { readonly row: InstructionRow; readonly syntax: AssemblySyntax }
  /** A template that leads through here, for messages. */
  readonly example: string
}

const grammars = new Map<string, GrammarNode>()

/** The tree of all templates of these syntaxes; built once. */
export function grammarOf(syntaxes: readonly AssemblySyntax[]): GrammarNode {
  const key = syntaxes.join()
  const known = grammars.get(key)
  if (known !== undefined) return known
  const root: GrammarNode = { literals: new Map(), fields: [], example: '' }
  for (const syntax of syntaxes) {
    for (const row of INSTRUCTION_TABLE) for (const template of row[syntax]) addTemplate(root, row, syntax, template)
  }
  grammars.set(key, root)
  return root
}

function addTemplate(root: GrammarNode, row: InstructionRow, syntax: AssemblySyntax, template: string): void {
  let node = root
  for (const part of parseTemplate(template)) {
    if (typeof part === 'string') {
      for (const token of lexFragment(part)) {
        let next = node.literals.get(token)
        if (next === undefined) {
          next = { literals: new Map(), fields: [], example: template }
          node.literals.set(token, next)
        }
        node = next
      }
    } else {
      let edge = node.fields.find(({ field }) => field.form === part.form && field.field === part.field)
      if (edge === undefined) {
        edge = { field: part, next: { literals: new Map(), fields: [], example: template } }
        node.fields.push(edge)
      }
      node = edge.next
    }
  }
  // The first syntax that has a text decides: both mean the same instruction.
  node.end ??= { row, syntax }
}

const SAMPLE_FIELDS = { dst: 0, src: 1, off: 4, imm: 5, imm2: 0 } as const

/** A template with plausible operands: `r0 += r1`. */
export function exampleText(template: string): string {
  return parseTemplate(template)
    .map((part) => (typeof part === 'string' ? part : printField(part, SAMPLE_FIELDS, {})))
    .join('')
}

/** What a field looks like, for "expected …". */
export const FIELD_DESCRIPTION: Readonly<Record<TemplateField['form'], string>> = {
  r: 'a register r0 to r10',
  w: 'a register w0 to w10',
  '%': 'a register %r0 to %r10',
  imm: 'a number',
  imm32: 'a number',
  imm64: 'a 64-bit number',
  sum: '"+" or "-" and a number',
  'sum+': '"+" or "-" and a number',
  goto: 'a label, or a distance such as +3',
  local: 'a label, or a distance such as pc+3',
  helper: "a helper's number or name",
  kfunc: "a kfunc's BTF id or name",
  hi: 'the number of an address space',
  lo: 'the number of an address space',
}

/** The word in `words` that is nearest to `word`, if any is near: at most a third of its letters differ. */
export function nearestWord(word: string, words: Iterable<string>): string | undefined {
  if (word.length > 32) return undefined
  const limit = Math.max(1, Math.floor(word.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of words) {
    if (Math.abs(candidate.length - word.length) > limit) continue
    const distance = editDistance(word, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Letters to insert, drop, replace, or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let distance = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, before[j - 2]! + 1)
      }
      next.push(distance)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
