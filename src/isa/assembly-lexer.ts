/**
 * Assembler text to statements: lines, labels, tokens.
 *
 * `#` and `//` begin a comment. `;` separates statements, as in clang's inline assembly, and begins a comment where
 * nothing stands before it on the line, as in llvm-objdump's source lines.
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import { MAX_REGISTER } from './opcode.ts'

export interface Token {
  readonly kind: 'register' | 'number' | 'word' | 'punctuation'
  readonly text: string
  /** 1-based. */
  readonly column: number
  /** Of a register: its number. Of `name#12`: 12. */
  readonly value: number
}

export interface Statement {
  /** 1-based. */
  readonly line: number
  /** Labels that stand before it. */
  readonly labels: readonly Token[]
  /** May be empty, where labels stand alone. */
  readonly tokens: readonly Token[]
  /** Column behind the last token. */
  readonly endColumn: number
}

const SPACE = /[^\S\n]+/y
const REGISTER = /%?[rw](\d+)(?![\w.$])/y
const NUMBER = /0[xX][0-9a-fA-F]+|\d+/y
const WORD = /[A-Za-z_.$][\w.$]*(?:#(\d+))?/y
const PUNCTUATION = />>=|<<=|[-+*/%|&^=!<>]=|[-+*&()[\],=<>:]/y

/** No number of 64 bits is longer, in any notation. */
const MAX_NUMBER_LENGTH = 40

/**
 * Splits text into statements, one after the other: tokens take many times the memory of the text that they are read from.
 * Throws ERR_ASSEMBLE with line and column.
 */
export function* lexAssembly(text: string): Generator<Statement, void, void> {
  for (let start = 0, line = 1; start <= text.length; line++) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    yield* lexLine(text.slice(start, end), line)
    start = end + 1
  }
}

function* lexLine(source: string, line: number): Generator<Statement, void, void> {
  let tokens: Token[] = []
  let endColumn = 1
  let separated = false
  let at = 0
  while (at < source.length) {
    const space = matchAt(SPACE, source, at)
    if (space !== null) {
      at += space[0].length
      continue
    }
    const char = source[at]!
    if (char === '#' || source.startsWith('//', at)) break
    if (char === ';') {
      if (tokens.length === 0 && !separated) break
      if (tokens.length > 0) yield splitLabels(tokens, line, endColumn)
      tokens = []
      separated = true
      at++
      continue
    }
    const token = nextToken(source, at, line)
    tokens.push(token)
    at += token.text.length
    endColumn = at + 1
  }
  if (tokens.length > 0) yield splitLabels(tokens, line, endColumn)
}

/** The tokens of a fragment without comments or separators: what a template's literal text consists of. */
export function lexFragment(text: string): string[] {
  const tokens: string[] = []
  let at = 0
  while (at < text.length) {
    const space = matchAt(SPACE, text, at)
    if (space !== null) {
      at += space[0].length
      continue
    }
    const token = nextToken(text, at, 1)
    tokens.push(token.text)
    at += token.text.length
  }
  return tokens
}

function nextToken(source: string, at: number, line: number): Token {
  const column = at + 1
  const register = matchAt(REGISTER, source, at)
  if (register !== null) {
    const value = Number(register[1])
    if (!(value <= MAX_REGISTER))
      throw assemblyError(line, column, `no register ${shorten(register[0])}: r0 to r10 exist`)
    return { kind: 'register', text: register[0], column, value }
  }
  const number = matchAt(NUMBER, source, at)
  if (number !== null) {
    const text = number[0]
    const rest = source.slice(at + text.length, at + text.length + 3)
    if (/^[\w.$]/.test(rest) && !/^ll(?![\w.$])/.test(rest)) {
      throw assemblyError(line, column, `malformed number ${JSON.stringify(`${shorten(text)}${rest[0]}`)}`)
    }
    if (text.length > MAX_NUMBER_LENGTH) throw assemblyError(line, column, `number too large: ${shorten(text)}`)
    return { kind: 'number', text, column, value: 0 }
  }
  const word = matchAt(WORD, source, at)
  if (word !== null) return { kind: 'word', text: word[0], column, value: word[1] === undefined ? 0 : Number(word[1]) }
  const punctuation = matchAt(PUNCTUATION, source, at)
  if (punctuation !== null) return { kind: 'punctuation', text: punctuation[0], column, value: 0 }
  throw assemblyError(line, column, `unexpected character ${JSON.stringify(source[at])}`)
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(source)
}

function splitLabels(tokens: readonly Token[], line: number, endColumn: number): Statement {
  let at = 0
  const labels: Token[] = []
  while (tokens[at]?.kind === 'word' && tokens[at + 1]?.text === ':') {
    labels.push(tokens[at]!)
    at += 2
  }
  return { line, labels, tokens: tokens.slice(at), endColumn }
}

export function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

export function assemblyError(line: number, column: number, message: string): AnybpfError {
  return new AnybpfError('ERR_ASSEMBLE', `line ${line}, column ${column}: ${message}`, { details: { line, column } })
}
