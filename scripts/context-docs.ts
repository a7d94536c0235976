/**
 * Prints the tables of `docs/contexts.md` from the platform's data.
 * @module
 */
import { BPF_FLOW_KEYS } from '../src/spec/contexts/flow-keys.ts'
import { BPF_TCP_SOCK, BPF_XDP_SOCK } from '../src/spec/contexts/sock.ts'
import { LINUX_PROGRAM_TYPES } from '../src/spec/program-types.ts'
import type { FieldRule } from '../src/spec/rules/context-access.ts'
import { CONTEXT_TABLES, CONTEXT_USES, type ContextTable } from '../src/spec/rules/contexts.ts'
import type { ContextField, ContextLayout, ProgramTypeRules } from '../src/spec/types.ts'
import { formatMarkdownTable, type TableColumn } from '../src/util/text-table.ts'

const code = (text: string): string => `\`${text}\``
const numbers = (title: string): TableColumn => ({ title, align: 'right' })
const words = (...titles: string[]): TableColumn[] => titles.map((title) => ({ title }))

function fieldName({ name, aliases }: ContextField): string {
  return [name, ...(aliases ?? [])].map(code).join(', ')
}

function fieldSize({ size, count }: ContextField): string {
  return count === undefined ? String(size) : `${size} × ${count}`
}

function layoutTable(layout: ContextLayout): string {
  return formatMarkdownTable(
    [...words('field'), numbers('offset'), numbers('bytes')],
    layout.fields.map((field) => [fieldName(field), String(field.offset), fieldSize(field)]),
  )
}

function gives({ gives: { value, btfType, trusted } }: FieldRule): string {
  if (btfType === undefined) return value
  return `${trusted === true ? 'trusted ' : ''}${code(`struct ${btfType} *`)}`
}

function accessTable({ layout, views }: ContextTable): string {
  const rows = layout.fields.map((field) => {
    const rules = [...views.values()].map((view) => view.rules.find((rule) => rule.field === field))
    const loaded = rules.find((rule) => rule?.load !== undefined)
    const stored = rules.find((rule) => rule?.store !== undefined)
    return [
      fieldName(field),
      String(field.offset),
      fieldSize(field),
      loaded === undefined ? '' : gives(loaded),
      loaded?.load ?? '',
      stored?.store ?? '',
      ...rules.map((rule) => (rule === undefined ? '' : rule.store === undefined ? 'r' : 'rw')),
    ]
  })
  return formatMarkdownTable(
    [...words('field'), numbers('offset'), numbers('bytes'), ...words('gives', 'load', 'store', ...views.keys())],
    rows,
  )
}

/** What sees a context: `xdp`; `cgroup_sockopt` (view `setsockopt`: `cgroup_setsockopt`). */
function users(table: ContextTable): string {
  const lines: string[] = []
  for (const [type, use] of CONTEXT_USES) {
    if (use.table !== table) continue
    const byView = new Map<string, string[]>()
    for (const [attachType, view] of use.byAttachType ?? []) {
      byView.set(view, [...(byView.get(view) ?? []), code(attachType)])
    }
    const others = [...byView].map(([view, attachTypes]) => `${code(view)} when attached as ${attachTypes.join(', ')}`)
    lines.push(`- ${code(type)}: view ${[code(use.view), ...others].join('; ')}`)
  }
  return lines.join('\n')
}

export function contextTables(): string {
  return Object.values(CONTEXT_TABLES)
    .map((table) => {
      const { name, size } = table.layout
      return `### ${code(name)}\n\n${size} bytes. Seen by\n\n${users(table)}\n\n${accessTable(table)}`
    })
    .join('\n\n')
}

export function objectTables(): string {
  return [BPF_TCP_SOCK, BPF_XDP_SOCK, BPF_FLOW_KEYS]
    .map((layout) => `### ${code(layout.name)}\n\n${layout.size} bytes.\n\n${layoutTable(layout)}`)
    .join('\n\n')
}

function packetText({ packetRead, packetWrite, packetToAnyHelper }: ProgramTypeRules): string {
  if (packetRead?.(undefined) !== true) return ''
  const what = packetWrite?.(undefined) === true ? 'read, write' : 'read'
  return packetToAnyHelper === true ? `${what}; any helper` : what
}

function contextText(name: string, rules: ProgramTypeRules): string {
  if (rules.prototypedEntry === true) return 'the arguments of its own prototype'
  if (rules.typedContext === true) return 'arguments, typed by BTF'
  const layout = CONTEXT_USES.get(name)?.table.layout
  return layout === undefined ? `any ${rules.contextSize} bytes` : code(layout.name)
}

function sleepText({ sleepable, alwaysSleepable }: ProgramTypeRules): string {
  if (alwaysSleepable === true) return 'always'
  if (sleepable === undefined) return ''
  return sleepable === true ? 'may be' : `may be: ${sleepable.map(code).join(', ')}`
}

export function programTypesTable(): string {
  return formatMarkdownTable(
    [numbers('number'), ...words('type', 'since', 'context', 'packet', 'sleepable', 'unprivileged')],
    LINUX_PROGRAM_TYPES.map((type) => {
      const rules = type.rules!
      return [
        String(type.id),
        code(type.name),
        type.since ?? '',
        contextText(type.name, rules),
        packetText(rules),
        sleepText(rules),
        rules.unprivileged === true ? 'yes' : '',
      ]
    }),
  )
}
