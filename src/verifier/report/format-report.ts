/**
 * A rejection as text for people: what is wrong, the C line, how the program comes there, where the value comes from, and
 * what would help.
 * @module
 */
import type { PathStep, Report, ReportError, SourceLocation, ValueEvent } from './report.ts'

/** How parts of the text are set off; the plain form leaves them as they are. */
export interface ExplainStyle {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
}

const PLAIN: ExplainStyle = {
  bold: (text) => text,
  dim: (text) => text,
  red: (text) => text,
  green: (text) => text,
}

export interface ExplainOptions {
  readonly style?: ExplainStyle
  /** Width to break long sentences at. Default 100. */
  readonly width?: number
  /** Applied to every piece of text that comes from the program: names, source lines. Default: control characters are shown. */
  readonly clean?: (text: string) => string
}

/**
 * The explanation of a rejected program as text: what is wrong, where, how the program comes there, what would help; with
 * a line break at its end. Empty for an accepted one. Needs a report that was made with `explain`, as they are by default.
 */
export function explain(report: Report, options: ExplainOptions = {}): string {
  const { error } = report
  return error === undefined ? '' : new Formatter(options).error(error)
}

class Formatter {
  private readonly style: ExplainStyle
  private readonly width: number
  private readonly clean: (text: string) => string

  constructor({ style = PLAIN, width = 100, clean = visibleText }: ExplainOptions) {
    this.style = style
    this.width = width
    this.clean = clean
  }

  error(error: ReportError): string {
    const { style } = this
    const parts = [
      this.paragraph(`${style.red('rejected')} ${style.dim(`[${error.code}]`)} `, `${error.reason}.`, 0),
      this.place(error),
      this.value(error),
      this.path(error),
      error.fix === undefined ? '' : this.fix(error.fix),
      error.saidByLinux ? `${style.dim(`Linux: ${this.clean(error.message)}`)}\n` : '',
    ]
    return parts.filter((part) => part !== '').join('\n')
  }

  private place({ insn, text, source, function: name }: ReportError): string {
    if (insn === undefined) return ''
    const inside = name === undefined ? '' : ` in ${this.clean(name)}()`
    const where = source === undefined ? '' : `${this.clean(baseName(source.file))}:${source.line}`
    let out = `  ${this.style.dim('-->')} ${where === '' ? '' : `${this.style.bold(where)}, `}insn ${insn}${inside}\n`
    if (source !== undefined && source.text.trim() !== '') out += this.sourceWithCaret(source)
    return `${out}      ${this.style.dim(this.clean(text ?? ''))}\n`
  }

  private sourceWithCaret(source: SourceLocation): string {
    const shown = untabbed(source.text)
    const indent = shown.length - shown.trimStart().length
    const number = String(source.line).padStart(4)
    const line = `${number} | ${this.clean(shown.trimStart())}\n`
    const column = untabbed(source.text.slice(0, Math.max(0, source.column - 1))).length - indent
    if (source.column === 0 || column < 0 || column >= shown.length - indent) return line
    return `${line}     | ${' '.repeat(column)}${this.style.red('^')}\n`
  }

  private value({ value }: ReportError): string {
    if (value === undefined || value.history.length === 0) return ''
    const name = value.name === undefined ? value.register : `${this.clean(value.name)} (${value.register})`
    let out = this.paragraph(`${this.style.bold(name)} `, `here: ${this.clean(value.known)}. Where it comes from:`, 0)
    for (const event of value.history) out += this.event(event)
    return out
  }

  private event({ insn, source, what, known, kind }: ValueEvent): string {
    const mark = kind === 'lost' ? this.style.red('!') : ' '
    const head = `${mark} ${this.lineLabel(insn, source)}`
    const result = known === '' ? '' : `: ${this.clean(known)}`
    return this.paragraph(`${head}  `, `${this.clean(what)}${result}`, 2)
  }

  private path({ path, pathOmitted }: ReportError): string {
    if (path.length === 0) return ''
    let out = 'How the program comes there:\n'
    path.forEach((step, i) => {
      if (pathOmitted !== undefined && i === FIRST_TURNS) out += `  ${this.style.dim(`… ${pathOmitted} turns …`)}\n`
      out += this.turn(step)
    })
    return out
  }

  private turn(step: PathStep): string {
    const source = step.source?.text.trim() ?? ''
    const what = source === '' ? step.text : source
    const jump = step.taken ? 'the jump is taken' : 'the jump is not taken'
    const way =
      step.kind === 'branch'
        ? step.holds === undefined
          ? jump
          : `here: ${this.clean(step.holds)}`
        : { call: 'called', return: 'returns', callback: 'the callback is called' }[step.kind]
    const times = step.times === undefined ? '' : ` (${step.times} rounds)`
    return `  ${this.lineLabel(step.insn, step.source)}  ${this.clean(what)}  ${this.style.dim(`${way}${times}`)}\n`
  }

  private lineLabel(insn: number, source: SourceLocation | undefined): string {
    const line = source === undefined || source.line === 0 ? '' : `${this.clean(baseName(source.file))}:${source.line}`
    return this.style.dim(`${line === '' ? '' : `${line} `}insn ${insn}`)
  }

  private fix(fix: string): string {
    const [first = '', ...rest] = fix.split('\n')
    let out = this.paragraph(`${this.style.green('fix:')} `, first, 0)
    for (const line of rest) out += `${line}\n`
    return out
  }

  /** Broken at `width`; the lines that follow are indented by two more than `indent`. */
  private paragraph(head: string, text: string, indent: number): string {
    const lines: string[] = []
    let line = head
    let length = plainLength(head)
    for (const word of text.split(' ')) {
      if (length + word.length > this.width && length > plainLength(head)) {
        lines.push(line.trimEnd())
        line = ' '.repeat(indent + 4)
        length = indent + 4
      }
      line += `${word} `
      length += word.length + 1
    }
    lines.push(line.trimEnd())
    return `${' '.repeat(indent)}${lines.join('\n')}\n`
  }
}

/** Turns before those that are left out. */
const FIRST_TURNS = 4

function untabbed(text: string): string {
  return text.replaceAll('\t', '        ')
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Characters that are seen: colours take no room. */
function plainLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the terminal's own
  return text.replace(/\x1b\[[0-9;]*m/g, '').length
}

/** Control characters made visible: names and lines come from files. */
function visibleText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`)
}
