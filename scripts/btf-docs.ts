/**
 * The generated parts of docs/btf.md: the kinds, from the table that the reader and the writer use.
 * @module
 */
import { BTF_KIND_ROWS, type BtfKindRow } from '../src/btf/kinds.ts'
import { formatMarkdownTable, type TableColumn } from '../src/util/text-table.ts'

const columns = (...titles: string[]): TableColumn[] => titles.map((title) => ({ title }))

const THIRD = { size: 'size in bytes', type: 'type id', zero: '0' } as const
const VLEN = { count: 'number of elements', linkage: 'linkage', zero: '0' } as const

const numbered = (): [number, BtfKindRow][] => [...BTF_KIND_ROWS.entries()]

/** What each kind is. */
export function kindsTable(): string {
  const rows = numbered().map(([number, row]) => [
    String(number),
    `\`${row.kind.toUpperCase()}\``,
    row.meaning,
    row.since,
  ])
  return formatMarkdownTable(columns('kind', 'name', 'what it is', 'Linux'), rows)
}

/** What the fields of each kind's record hold. */
export function encodingTable(): string {
  const rows = numbered()
    .slice(1)
    .map(([, row]) => [
      `\`${row.kind.toUpperCase()}\``,
      { required: 'yes', optional: 'may be', none: 'no' }[row.name],
      row.flag ?? '0',
      VLEN[row.vlen],
      THIRD[row.third],
      row.data,
    ])
  return formatMarkdownTable(columns('kind', 'name', '`kind_flag`', '`vlen`', 'third word', 'what follows'), rows)
}

/** The records of the layout section. */
export function layoutTable(): string {
  const rows = numbered()
    .slice(1)
    .map(([, row]) => [`\`${row.kind.toUpperCase()}\``, String(row.fixed), String(row.element)])
  return formatMarkdownTable(columns('kind', '`info_sz`', '`elem_sz`'), rows)
}
