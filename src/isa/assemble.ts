/**
 * The assembler: text to a slot-indexed program, in the syntax of clang and the kernel (`r1 += 2`) and in that of the
 * bpf_conformance suite (`add %r1, 2`). Both may be mixed: no text means different things in them.
 *
 * An error names the line, the column and the token, what could stand there, and the nearest valid form.
 * @see https://www.rfc-editor.org/rfc/rfc9669
 * @see https://github.com/Alan-Jowett/bpf_conformance
 * @module
 */
import type { AnybpfError } from '../util/index.ts'
import { exampleText, FIELD_DESCRIPTION, type GrammarNode, grammarOf, nearestWord } from './assembly-grammar.ts'
import { assemblyError, lexAssembly, type Statement, shorten, type Token } from './assembly-lexer.ts'
import { instructionFromFields, WIDE_TAIL } from './encoding.ts'
import type { Instruction } from './instruction.ts'
import type { InstructionRow } from './instruction-row.ts'
import { castImmediate } from './opcode.ts'
import type { AssemblySyntax, TemplateField } from './text-template.ts'

export interface AssembleOptions {
  /** `auto`, the default, takes both. */
  readonly syntax?: AssemblySyntax | 'auto'
  /** The number of a helper, or the BTF id of a kfunc, that the text calls by name. */
  readonly resolve?: (name: string, target: 'helper' | 'kfunc') => number | undefined
}

/** What a statement says, before labels are known. */
interface Parsed {
  readonly row: InstructionRow
  readonly syntax: AssemblySyntax
  readonly values: Bound
}

/** The fields read so far; `hi` and `lo` are the halves of an immediate. */
interface Bound {
  readonly dst?: number
  readonly src?: number
  readonly off?: number
  readonly imm?: number
  readonly imm2?: number
  readonly hi?: number
  readonly lo?: number
  readonly label?: Token
  readonly labelField?: 'off' | 'imm'
}

interface Failure {
  /** Index of the token where reading stopped; the furthest one counts. */
  at: number
  message: string | undefined
  /** The places in the grammar that were reached there. */
  nodes: GrammarNode[]
}

interface Fixup {
  readonly slot: number
  readonly label: Token
  readonly line: number
  readonly parsed: Parsed
}

/**
 * Assembles text. Throws ERR_ASSEMBLE with `details.line` and `details.column` (1-based).
 *
 * In the conformance syntax, `exit` as a target means the first `exit`, where no label has that name.
 */
export function assemble(text: string, options: AssembleOptions = {}): Instruction[] {
  const syntax = options.syntax ?? 'auto'
  const grammar = grammarOf(syntax === 'auto' ? ['kernel', 'conformance'] : [syntax])
  // Read twice, so that no more than one statement's tokens are held at a time.
  const labels = collectLabels(lexAssembly(text))
  const program: Instruction[] = []
  const fixups: Fixup[] = []
  let firstExit: number | undefined
  for (const statement of lexAssembly(text)) {
    for (const label of statement.labels) labels.set(label.text, program.length)
    if (statement.tokens.length === 0) continue
    const parsed = new StatementParser(statement, grammar, labels, options).parse()
    const slot = program.length
    if (parsed.values.label === undefined) {
      program.push(instructionOf(parsed, statement))
    } else {
      fixups.push({ slot, label: parsed.values.label, line: statement.line, parsed })
      program.push(WIDE_TAIL) // until its target is known
    }
    if (parsed.row.imm2 !== undefined) program.push(WIDE_TAIL)
    if (parsed.row.shape.kind === 'exit') firstExit ??= slot
  }
  for (const fixup of fixups) program[fixup.slot] = resolveFixup(fixup, labels, firstExit, program.length)
  return program
}

/** Label names with their slot; -1 until it is known. */
function collectLabels(statements: Iterable<Statement>): Map<string, number> {
  const labels = new Map<string, number>()
  for (const { line, labels: tokens } of statements) {
    for (const token of tokens) {
      if (labels.has(token.text))
        throw assemblyError(line, token.column, `label ${shorten(token.text)} is defined twice`)
      labels.set(token.text, -1)
    }
  }
  return labels
}

function resolveFixup(
  { slot, label, line, parsed }: Fixup,
  labels: ReadonlyMap<string, number>,
  firstExit: number | undefined,
  length: number,
): Instruction {
  const target = labels.get(label.text) ?? firstExit
  if (target === undefined) throw unknownLabel(line, label, labels)
  if (target >= length) {
    throw assemblyError(line, label.column, `label ${shorten(label.text)} stands behind the last instruction`)
  }
  const distance = target - slot - 1
  const field = parsed.values.labelField ?? 'off'
  if (field === 'off' && !(distance >= -0x8000 && distance <= 0x7fff)) {
    const hint = parsed.row.shape.kind === 'goto' ? '; use gotol or ja32' : ''
    throw assemblyError(line, label.column, `label ${shorten(label.text)} is ${distance} slots away, too far${hint}`)
  }
  return build(parsed.row, { ...parsed.values, [field]: distance })
}

function unknownLabel(line: number, label: Token, labels: ReadonlyMap<string, number>): AnybpfError {
  const near = nearestWord(label.text, labels.keys())
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  return assemblyError(line, label.column, `no label ${JSON.stringify(shorten(label.text))}${hint}`)
}

function instructionOf(parsed: Parsed, statement: Statement): Instruction {
  const insn = build(parsed.row, parsed.values)
  if (insn.kind === 'addr_space_cast' && insn.to === insn.from) {
    throw assemblyError(
      statement.line,
      statement.tokens[0]!.column,
      'addr_space_cast needs two different address spaces',
    )
  }
  return insn
}

function build(row: InstructionRow, values: Bound): Instruction {
  const { dst = 0, src = 0, off = 0, imm2 = 0, hi = 0, lo = 0 } = values
  const imm = row.imm === 'spaces' ? castImmediate(hi, lo) : (values.imm ?? 0)
  return instructionFromFields(row.shape, dst, src, off, imm, imm2)
}

/** Reads one statement: walks the grammar, trying a literal before the fields, and remembers how far it came. */
class StatementParser {
  private readonly tokens: readonly Token[]
  private readonly statement: Statement
  private readonly grammar: GrammarNode
  private readonly labels: ReadonlyMap<string, number>
  private readonly options: AssembleOptions
  private readonly failure: Failure

  constructor(
    statement: Statement,
    grammar: GrammarNode,
    labels: ReadonlyMap<string, number>,
    options: AssembleOptions,
  ) {
    this.tokens = statement.tokens
    this.statement = statement
    this.grammar = grammar
    this.labels = labels
    this.options = options
    this.failure = { at: -1, message: undefined, nodes: [] }
  }

  parse(): Parsed {
    const parsed = this.walk(this.grammar, 0, {})
    if (parsed === undefined) throw this.error()
    return parsed
  }

  /** Depth is bounded by the longest template. */
  private walk(node: GrammarNode, at: number, values: Bound): Parsed | undefined {
    const token = this.tokens[at]
    if (token === undefined && node.end !== undefined) return { ...node.end, values }
    if (token !== undefined) {
      const next = node.literals.get(token.text)
      const parsed = next === undefined ? undefined : this.walk(next, at + 1, values)
      if (parsed !== undefined) return parsed
    }
    for (const { field, next } of node.fields) {
      const read = this.readField(field, next, at, values, node)
      if (read === undefined) continue
      const parsed = this.walk(next, read.at, read.values)
      if (parsed !== undefined) return parsed
    }
    this.fail(at, node, undefined)
    return undefined
  }

  private fail(at: number, node: GrammarNode, message: string | undefined): undefined {
    const failure = this.failure
    if (at < failure.at) return undefined
    if (at > failure.at) {
      failure.at = at
      failure.message = undefined
      failure.nodes = []
    }
    failure.message ??= message
    failure.nodes.push(node)
    return undefined
  }

  private readField(
    part: TemplateField,
    next: GrammarNode,
    at: number,
    values: Bound,
    node: GrammarNode,
  ): { readonly at: number; readonly values: Bound } | undefined {
    const token = this.tokens[at]
    switch (part.form) {
      case 'r':
      case 'w':
      case '%': {
        if (token?.kind !== 'register' || !formMatches(part.form, token.text)) return undefined
        const bound = values[part.field]
        if (bound !== undefined && bound !== token.value) {
          const name = token.text.replace(/\d+/, String(bound))
          return this.fail(at, node, `${token.text} must be ${name} again`)
        }
        return { at: at + 1, values: { ...values, [part.field]: token.value } }
      }
      case 'imm':
      case 'imm32': {
        const number = this.signedNumber(at)
        if (number === undefined) return undefined
        const bits = part.field === 'off' ? 16 : 32
        const value = toSigned(number, bits, part.form === 'imm32')
        if (value === undefined) return this.fail(at, node, doesNotFit(number, bits))
        return { at: number.next, values: { ...values, [part.field]: value } }
      }
      case 'imm64': {
        const number = this.signedNumber(at)
        if (number === undefined) return undefined
        const wide = (number.negative ? -1n : 1n) * BigInt(number.token.text)
        if (wide < -(1n << 63n) || wide >= 1n << 64n) return this.fail(at, node, doesNotFit(number, 64))
        const imm = Number(BigInt.asIntN(32, wide))
        const imm2 = Number(BigInt.asIntN(32, wide >> 32n))
        return { at: number.next, values: { ...values, imm, imm2 } }
      }
      case 'sum':
      case 'sum+':
        return this.readSum(part, at, values, node)
      case 'goto':
      case 'local':
        return this.readTarget(part, next, at, values, node)
      case 'helper':
      case 'kfunc':
        return this.readCallee(part, at, values, node)
      case 'hi':
      case 'lo': {
        if (token?.kind !== 'number') return undefined
        const value = Number(token.text)
        if (value > 0xffff) return this.fail(at, node, `${token.text} is no address space: 0 to 65535`)
        return { at: at + 1, values: { ...values, [part.form]: value } }
      }
    }
  }

  /** A number with an optional sign, at token `at`. */
  private signedNumber(at: number): SignedNumber | undefined {
    const first = this.tokens[at]
    if (first?.kind === 'number') return { token: first, negative: false, next: at + 1 }
    const second = this.tokens[at + 1]
    if ((first?.text === '-' || first?.text === '+') && second?.kind === 'number') {
      return { token: second, negative: first.text === '-', next: at + 2 }
    }
    return undefined
  }

  /** `+ 4`, `- 4`, `+ -4`, or nothing. */
  private readSum(part: TemplateField, at: number, values: Bound, node: GrammarNode) {
    const sign = this.tokens[at]?.text
    if (sign !== '+' && sign !== '-') return { at, values: { ...values, [part.field]: 0 } }
    const inner = this.tokens[at + 1]?.text === '-' ? this.signedNumber(at + 1) : undefined
    const number = inner === undefined ? this.signedNumber(at) : { ...inner, negative: sign === '+' }
    if (number === undefined) return this.fail(at + 1, node, 'expected a number')
    const bits = part.field === 'off' ? 16 : 32
    // The conformance syntax gives the 16 bits of an offset in hexadecimal, the kernel's a signed number.
    const wraps = part.form === 'sum+' && isHexadecimal(number.token)
    const value = wraps ? toSigned(number, bits, true) : exactSigned(number, bits)
    if (value === undefined) return this.fail(at + 1, node, doesNotFit(number, bits))
    return { at: number.next, values: { ...values, [part.field]: value } }
  }

  /** `+3`, `-3`, `pc+3`, or a label; llvm-objdump writes the target in angle brackets behind it. */
  private readTarget(part: TemplateField, next: GrammarNode, at: number, values: Bound, node: GrammarNode) {
    const first = this.tokens[at]
    if (first === undefined) return undefined
    const field = part.field === 'off' ? 'off' : 'imm'
    const afterPc = first.text === 'pc' && this.tokens[at + 1]?.kind === 'punctuation' ? at + 1 : at
    const sign = this.tokens[afterPc]?.text
    if (sign === '+' || sign === '-') {
      if (part.form === 'local' && afterPc === at) return undefined
      const number = this.signedNumber(afterPc)
      if (number === undefined) return this.fail(afterPc + 1, node, 'expected a number')
      const value = exactSigned(number, field === 'off' ? 16 : 32)
      if (value === undefined) return this.fail(afterPc, node, doesNotFit(number, field === 'off' ? 16 : 32))
      return { at: this.skipAngleBrackets(number.next), values: { ...values, [field]: value } }
    }
    if (first.kind === 'number' && part.form === 'goto') {
      return this.fail(
        at,
        node,
        `${shorten(first.text)} is neither a label nor a distance; write +${shorten(first.text)}`,
      )
    }
    if (first.kind !== 'word') return undefined
    const conformanceExit = first.text === 'exit' && next.end?.syntax === 'conformance'
    if (!this.labels.has(first.text) && !conformanceExit) {
      if (part.form === 'local') return undefined
      const near = nearestWord(first.text, this.labels.keys())
      const hint = near === undefined ? '' : `; did you mean ${near}?`
      return this.fail(at, node, `no label ${JSON.stringify(shorten(first.text))}${hint}`)
    }
    return { at: at + 1, values: { ...values, label: first, labelField: field } as const }
  }

  private skipAngleBrackets(at: number): number {
    if (this.tokens[at]?.text !== '<') return at
    let end = at + 1
    while (end < this.tokens.length && this.tokens[end]!.text !== '>') end++
    return end < this.tokens.length ? end + 1 : at
  }

  private readCallee(part: TemplateField, at: number, values: Bound, node: GrammarNode) {
    const token = this.tokens[at]
    const target = part.form === 'helper' ? 'helper' : 'kfunc'
    if (token?.kind !== 'word') {
      const number = this.signedNumber(at)
      if (number === undefined) return undefined
      const value = toSigned(number, 32, true)
      if (value === undefined) return this.fail(at, node, doesNotFit(number, 32))
      return { at: number.next, values: { ...values, imm: value } }
    }
    if (part.form === 'helper' && this.labels.has(token.text)) return undefined
    const hash = token.text.indexOf('#')
    const value = hash >= 0 ? token.value : this.options.resolve?.(token.text, target)
    if (value === undefined || !(value >= 0 && value <= 0x7fffffff)) {
      const what = target === 'helper' ? 'neither a label nor a helper' : 'no kfunc'
      return this.fail(at, node, `${JSON.stringify(shorten(token.text))} is ${what} that is known here`)
    }
    return { at: at + 1, values: { ...values, imm: value } }
  }

  private error(): AnybpfError {
    const { statement, failure, tokens } = this
    const token = tokens[failure.at]
    const column = token?.column ?? statement.endColumn
    if (failure.message !== undefined) return assemblyError(statement.line, column, failure.message)
    if (failure.at === 0 && token?.kind === 'word') return this.unknownMnemonic(token)
    const found = token === undefined ? 'the statement ends here' : `unexpected ${JSON.stringify(shorten(token.text))}`
    // Registers and numbers before words: they are what is meant more often than one of many words.
    const isWord = (text: string): number => Number(text.startsWith('"'))
    const expected = [...new Set(failure.nodes.flatMap(expectedAt))].sort((a, b) => isWord(a) - isWord(b))
    const list = expected.slice(0, 6).join(' or ') + (expected.length > 6 ? ' …' : '')
    const examples = failure.nodes.filter((node) => node.example !== '')
    const example = (examples.find((node) => node.fields.length > 0) ?? examples[0])?.example
    const form = example === undefined ? '' : `; as in: ${exampleText(example)}`
    return assemblyError(statement.line, column, `${found}; expected ${list}${form}`)
  }

  private unknownMnemonic(token: Token): AnybpfError {
    const near = nearestWord(token.text, this.grammar.literals.keys())
    const node = near === undefined ? undefined : this.grammar.literals.get(near)
    const hint =
      node === undefined
        ? ' (a comment begins with # or //)'
        : `; did you mean ${near}, as in: ${exampleText(node.example)}`
    return assemblyError(
      this.statement.line,
      token.column,
      `no instruction begins with ${JSON.stringify(shorten(token.text))}${hint}`,
    )
  }
}

function expectedAt(node: GrammarNode): string[] {
  return [
    ...[...node.literals.keys()].map((literal) => JSON.stringify(literal)),
    ...node.fields.map(({ field }) => FIELD_DESCRIPTION[field.form]),
    ...(node.end === undefined ? [] : ['the end of the statement']),
  ]
}

interface SignedNumber {
  readonly token: Token
  readonly negative: boolean
  readonly next: number
}

/** `%r1` may also be written `r1` in the conformance syntax, as rbpf does. */
function formMatches(form: 'r' | 'w' | '%', text: string): boolean {
  return form === '%' ? text.startsWith('%r') || text.startsWith('r') : text.startsWith(form)
}

function isHexadecimal(token: Token): boolean {
  return /^0[xX]/.test(token.text)
}

/** The number if it is a signed one of so many bits. */
function exactSigned(number: SignedNumber, bits: 16 | 32): number | undefined {
  const magnitude = Number(number.token.text)
  const value = number.negative ? 0 - magnitude : magnitude
  const limit = 2 ** (bits - 1)
  return value >= -limit && value < limit ? value : undefined
}

/** The same; in hexadecimal, or in decimal where `unsigned`, also a number that fills all the bits. */
function toSigned(number: SignedNumber, bits: 16 | 32, unsigned: boolean): number | undefined {
  const exact = exactSigned(number, bits)
  if (exact !== undefined || number.negative) return exact
  const value = Number(number.token.text)
  if (value >= 2 ** bits || !(unsigned || isHexadecimal(number.token))) return undefined
  return value - 2 ** bits
}

function doesNotFit(number: SignedNumber, bits: 16 | 32 | 64): string {
  const text = `${number.negative ? '-' : ''}${shorten(number.token.text)}`
  const half = 1n << BigInt(bits - 1)
  const hexadecimal = bits === 16 ? '' : `, or 0x0 to 0x${(2n * half - 1n).toString(16)}`
  return `${text} does not fit ${bits} bits: -${half} to ${half - 1n}${hexadecimal}`
}
