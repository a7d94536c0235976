/**
 * Names of variables, from the source lines that BTF carries. BTF tells no local variables; the text of a line often does.
 * Guesses of that kind are used where they help to read, never to decide.
 * @module
 */

/** The variable that a line gives a value: `idx` in `__u32 idx = ctx->len & 15;`. */
export function assignedName(text: string): string | undefined {
  const match = /(?:^|[\s*(&])([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?(?:[-+*/%&|^]|<<|>>)?=(?!=)/.exec(text)
  const name = match?.[1]
  return name === undefined || KEYWORDS.has(name) ? undefined : name
}

/** The only plain variable that a line uses as an index: `idx` in `table[idx]`. */
export function indexName(text: string): string | undefined {
  const names = new Set([...text.matchAll(/\[\s*([A-Za-z_]\w*)\s*\]/g)].map((match) => match[1]!))
  return names.size === 1 ? [...names][0] : undefined
}

/** The only variable that a line follows: `value` in `value->count++` or `*value += 1`. */
export function pointerName(text: string): string | undefined {
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
  const pointers = [...text.matchAll(/((?:[A-Za-z_]\w*(?:->|\.))*[A-Za-z_]\w*)\s*->/g)]
  const at = column - 1
  const there = pointers.find(({ index, 0: { length } }) => index <= at && at <= index + length)
  if (there !== undefined) return there[1]
  const names = new Set(pointers.map((match) => match[1]!))
  return names.size === 1 ? [...names][0] : undefined
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
