/**
 * Plain data as JavaScript text that people can read.
 * @module
 */

const WIDTH = 120

/** `{ a: 1, 'b c': [2n] }`, on one line where that fits behind `column` characters, else a line for each part. Leaves `undefined` out. */
export function formatLiteral(value: unknown, indent = '', column = indent.length): string {
  const short = inline(value)
  if (column + short.length <= WIDTH || typeof value !== 'object' || value === null) return short
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    return `[\n${value.map((one) => `${inner}${formatLiteral(one, inner)},\n`).join('')}${indent}]`
  }
  const parts = entriesOf(value).map(([key, one]) => {
    const name = `${inner}${keyOf(key)}: `
    return `${name}${formatLiteral(one, inner, name.length + 1)},\n`
  })
  return `{\n${parts.join('')}${indent}}`
}

function inline(value: unknown): string {
  if (typeof value === 'string') return textLiteral(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  const parts = entriesOf(value).map(([key, one]) => `${keyOf(key)}: ${inline(one)}`)
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
}

function entriesOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, one]) => one !== undefined)
}

function keyOf(key: string): string {
  // Written plainly, `__proto__` would be no key of its own.
  if (key === '__proto__') return "['__proto__']"
  return isIdentifier(key) || /^(?:0|[1-9]\d*)$/.test(key) ? key : textLiteral(key)
}

export function isIdentifier(text: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(text)
}

/** In single quotes; characters that could end the literal or the line, or are not ASCII, escaped. */
export function textLiteral(text: string): string {
  const escaped = text.replace(/[\\']|[^\x20-\x7e]/g, (character) => {
    if (character === '\\' || character === "'") return `\\${character}`
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `'${escaped}'`
}
