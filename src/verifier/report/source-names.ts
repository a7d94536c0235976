/**
 * Names of variables, from the source lines that BTF carries. BTF tells no local variables; the text of a line often does.
 * Guesses of that kind are used where they help to read, never to decide.
 * @module
 */

/** Longer lines are nobody's, and not searched: a file may hold what takes expressions long. */
const MAX_LINE = 1000

/**
 * The variable that a line gives a value: `idx` in `__u32 idx = ctx->len & 15;`. With a column (from 1), the one that gets
 * what is computed there: a line may have several statements and declare several variables. What is computed for an
 * argument of a call is not what the call's result is assigned to.
 */
export function assignedName(text: string, column = 0): string | undefined {
  if (text.length > MAX_LINE) return undefined
  const [from, to] = column === 0 ? [0, text.length] : statementAt(text, column - 1)
  const match = ASSIGNMENT.exec(text.slice(from, to))
  const name = match?.[1]
  if (match === null || name === undefined || KEYWORDS.has(name)) return undefined
  if (column > 0) {
    const begin = from + match.index + match[0].indexOf(name)
    if (begin > column - 1 || isInCall(text.slice(from + match.index + match[0].length, column - 1))) return undefined
  }
  return name
}

const ASSIGNMENT = /(?:^|[\s*(&])([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?(?:[-+*/%&|^]|<<|>>)?=(?!=)/

/** Begin and end of the statement, or of the declarator in a list of them, that a position lies in. */
function statementAt(text: string, at: number): [from: number, to: number] {
  let from = 0
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '(' || c === '[') depth++
    else if (c === ')' || c === ']') depth--
    else if (c === ';' || c === '{' || c === '}' || (c === ',' && depth <= 0)) {
      if (i >= at) return [from, i]
      from = i + 1
      depth = 0
    }
  }
  return [from, text.length]
}

/** Whether a text ends within the parentheses of a call: `f(a, `; casts and plain parentheses do not count. */
function isInCall(text: string): boolean {
  const open: boolean[] = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') {
      const callee = /([A-Za-z_]\w*)\s*$/.exec(text.slice(Math.max(0, i - 64), i))?.[1]
      open.push(callee !== undefined && !KEYWORDS.has(callee))
    } else if (text[i] === ')') open.pop()
  }
  return open.includes(true)
}

/**
 * The pointer that an access dereferences, as an expression to which a number of elements can be added: `q + i` of `q[i]`,
 * `p` of `*p`. `column` (from 1) as the compiler gives it.
 */
export function accessedPointer(text: string, column: number): string | undefined {
  if (text.length > MAX_LINE) return undefined
  const found = [
    ...[...text.matchAll(/(?<![\w.>])([A-Za-z_]\w*(?:(?:->|\.)[A-Za-z_]\w*)*)\[([^[\]]+)\]/g)].map((match) => ({
      begin: match.index,
      end: match.index + match[0].length,
      pointer: `${match[1]} + ${/^\w+$/.test(match[2]!) ? match[2] : `(${match[2]})`}`,
    })),
    ...[...text.matchAll(/(^|[=(,;{}+\-!&|<>?:]|return)(\s*)\*([A-Za-z_]\w*)\b(?!\s*(?:->|\[|\())/g)].map((match) => ({
      begin: match.index + match[1]!.length + match[2]!.length,
      end: match.index + match[0].length,
      pointer: match[3]!,
    })),
  ]
  const there = found.find(({ begin, end }) => column > 0 && begin <= column - 1 && column - 1 < end)
  if (there !== undefined) return there.pointer
  const [from, to] = column === 0 ? [0, text.length] : statementAt(text, column - 1)
  const inStatement = new Set(
    found.filter(({ begin, end }) => from <= begin && end <= to).map(({ pointer }) => pointer),
  )
  return inStatement.size === 1 ? [...inStatement][0] : undefined
}

/** The only plain variable that a line uses as an index: `idx` in `table[idx]`. */
export function indexName(text: string): string | undefined {
  if (text.length > MAX_LINE) return undefined
  const names = new Set([...text.matchAll(/\[\s*([A-Za-z_]\w*)\s*\]/g)].map((match) => match[1]!))
  return names.size === 1 ? [...names][0] : undefined
}

/** The only array that a line indexes with a variable: `table` in `table[idx]`. */
export function indexedArray(text: string, index: string): string | undefined {
  if (text.length > MAX_LINE) return undefined
  const names = new Set(
    [...text.matchAll(/((?:[A-Za-z_]\w*(?:->|\.))*[A-Za-z_]\w*)\[\s*([A-Za-z_]\w*)\s*\]/g)]
      .filter((match) => match[2] === index)
      .map((match) => match[1]!),
  )
  return names.size === 1 ? [...names][0] : undefined
}

/** The only variable that a line follows: `value` in `value->count++` or `*value += 1`. */
export function pointerName(text: string): string | undefined {
  if (text.length > MAX_LINE) return undefined
  const names = new Set<string>()
  for (const match of text.matchAll(/([A-Za-z_]\w*)\s*->/g)) names.add(match[1]!)
  for (const match of text.matchAll(/(?:^|[=(,;{}+\-!&|<>]|return)\s*\*+\s*([A-Za-z_]\w*)/g)) names.add(match[1]!)
  return names.size === 1 ? [...names][0] : undefined
}

/**
 * The pointer that an access follows: `eth` in `if (eth->type == x)`, `a->b` in `a->b->c`. `column` (from 1) is where the
 * compiler puts the access: at the member, or at the expression's beginning; 0 if it does not say.
 */
export function accessedName(text: string, column: number): string | undefined {
  if (text.length > MAX_LINE) return undefined
  const pointers = [...text.matchAll(/((?:[A-Za-z_]\w*(?:->|\.))*[A-Za-z_]\w*)\s*->/g)]
  const at = column - 1
  const there = pointers.find(({ index, 0: { length } }) => index <= at && at <= index + length)
  if (there !== undefined) return there[1]
  const names = new Set(pointers.map((match) => match[1]!))
  return names.size === 1 ? [...names][0] : undefined
}

/** The member that is accessed at a column (from 1): `eth->h_proto`. */
export function accessedMember(text: string, column: number): string | undefined {
  if (text.length > MAX_LINE) return undefined
  for (const { index, 0: whole } of text.matchAll(/[A-Za-z_]\w*(?:(?:->|\.)[A-Za-z_]\w*)+/g)) {
    if (index <= column - 1 && column - 1 < index + whole.length) return whole
  }
  return undefined
}

/** The text of an argument of the only call of `name` in a line, from 0. */
export function argumentText(text: string, name: string, index: number): string | undefined {
  const start = text.indexOf(`${name}(`)
  if (start < 0) return undefined
  const parts: string[] = ['']
  let depth = 0
  for (let i = start + name.length + 1; i < text.length; i++) {
    const c = text[i]!
    if (c === ')' && depth === 0) {
      const part = parts[index]?.trim()
      return part === '' ? undefined : part
    }
    if (c === ',' && depth === 0) {
      parts.push('')
      continue
    }
    if (c === '(' || c === '[' || c === '{') depth++
    else if (c === ')' || c === ']' || c === '}') depth--
    parts[parts.length - 1] += c
  }
  // The call goes on in the next line.
  return undefined
}

const KEYWORDS: ReadonlySet<string> = new Set([
  'if',
  'while',
  'for',
  'return',
  'else',
  'case',
  'sizeof',
  'const',
  'struct',
])
