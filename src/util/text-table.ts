/**
 * Tables of text: aligned columns for a terminal, Markdown for the documents.
 * @module
 */

export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Columns padded with spaces, two spaces apart; no trailing blanks. */
export function formatTextTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, i) =>
    rows.reduce((width, row) => Math.max(width, (row[i] ?? '').length), column.title.length),
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? ''
        return column.align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)
      })
      .join('  ')
      .trimEnd()
  return [columns.map((column) => column.title), ...rows].map(line).join('\n')
}

/** A GitHub-flavoured Markdown table; `|` in a cell is escaped. */
export function formatMarkdownTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${columns.map((_, i) => (cells[i] ?? '').replaceAll('|', '\\|')).join(' | ')} |`
  const rule = `| ${columns.map((column) => (column.align === 'right' ? '--:' : '---')).join(' | ')} |`
  return [line(columns.map((column) => column.title)), rule, ...rows.map(line)].join('\n')
}
