/**
 * Context structures in C, from the layouts that programs are verified against.
 * @module
 */
import type { ContextField, ContextLayout } from '../spec/types.ts'

const SCALARS: Readonly<Record<number, string>> = { 1: '__u8', 2: '__u16', 4: '__u32', 8: '__u64' }

/** A structure with these fields at these offsets; fields that lie over each other are in a union. */
export function contextStruct({ name, size, fields }: ContextLayout): string {
  const lines: string[] = []
  let at = 0
  let pads = 0
  const pad = (to: number): void => {
    if (to > at) lines.push(`\t__u8 __pad${pads++}[${to - at}];`)
    at = Math.max(at, to)
  }
  for (const group of groupsOf(members(fields))) {
    pad(group.start)
    if (group.fields.length === 1) lines.push(`\t${declaration(group.fields[0]!)};`)
    else {
      const members = group.fields.map((field) => {
        const before = field.offset - group.start
        if (before === 0) return `\t\t${declaration(field)};`
        return `\t\tstruct {\n\t\t\t__u8 __pad${pads++}[${before}];\n\t\t\t${declaration(field)};\n\t\t} __attribute__((packed));`
      })
      lines.push(`\tunion {\n${members.join('\n')}\n\t};`)
    }
    at = group.end
  }
  pad(size)
  return `struct ${name} {\n${lines.join('\n')}\n} __attribute__((aligned(${fields.some((one) => one.size === 8) ? 8 : 4})));\n`
}

/**
 * Fields, and what else begins where they do. Where an alias goes on behind its field (`args[4]` over `reply`), the table has the rest as a field
 * of the alias's name: aliases are then arrays over both.
 */
function members(fields: readonly ContextField[]): ContextField[] {
  const rests = new Set<ContextField>()
  const all = fields.flatMap((field): ContextField[] => {
    const aliases = field.aliases ?? []
    const rest = fields.find((one) => one.offset === field.offset + field.size && aliases.includes(one.name))
    if (rest !== undefined) rests.add(rest)
    const count = rest === undefined ? undefined : 1 + (rest.count ?? 1)
    const { offset, size } = field
    return [field, ...aliases.map((name) => ({ name, offset, size, ...(count !== undefined && { count }) }))]
  })
  return all.filter((field) => !rests.has(field))
}

interface Group {
  readonly start: number
  readonly end: number
  readonly fields: readonly ContextField[]
}

function groupsOf(fields: readonly ContextField[]): Group[] {
  const groups: Group[] = []
  for (const field of [...fields].sort((a, b) => a.offset - b.offset)) {
    const end = field.offset + field.size * (field.count ?? 1)
    const last = groups.at(-1)
    if (last === undefined || field.offset >= last.end) groups.push({ start: field.offset, end, fields: [field] })
    else groups[groups.length - 1] = { ...last, end: Math.max(last.end, end), fields: [...last.fields, field] }
  }
  return groups
}

function declaration({ name, size, count, pointer }: ContextField): string {
  // In 32 bits an address is a number; in 64 it is a pointer.
  const type = pointer !== undefined && size === 8 ? 'void *' : `${SCALARS[size] ?? '__u8'} `
  return `${type}${name}${count === undefined ? '' : `[${count}]`}`
}
