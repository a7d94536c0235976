/**
 * Plain data, and names from files, as JavaScript text that people can read.
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

/** A name as that of a property, in quotation marks where it is no identifier. */
export function memberName(name: string): string {
  return isIdentifier(name) ? name : textLiteral(name)
}

/** `firewall.bpf` becomes `FirewallBpf`. */
export function pascalCase(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}

const MAX_COMMENT = 200

/** A name from a file as it may stand in a comment of JavaScript or C: on one line, ending nothing, and hiding nothing. */
export function commentText(text: string): string {
  const cut = text.length > MAX_COMMENT ? `${text.slice(0, MAX_COMMENT)}…` : text
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029`\\]/gu, '?').replace(/\*\//g, '* /')
}
