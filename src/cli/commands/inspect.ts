/**
 * `anybpf inspect`: what is in an object.
 * @module
 */
import { formatTextTable, type TableColumn } from '../../util/index.ts'
import { inspectCore, printCore } from '../core.ts'
import { EXIT, type ExitStatus, step, usageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { type GlobalSummary, type Inspection, inspectObject, type MapSummary } from '../inspection.ts'
import { formatJson } from '../json.ts'
import { formatCount } from '../progress.ts'
import { type CliIo, createStyle, type Style } from '../streams.ts'
import { clip, visible } from '../text.ts'
import { KernelTypes } from '../verify/kernel-types.ts'

export interface InspectOptions {
  readonly json?: boolean
  readonly core?: boolean
  /** With `core`. */
  readonly btf?: string
}

export async function inspectCommand(file: string, options: InspectOptions, io: CliIo): Promise<ExitStatus> {
  const bytes = await readInput(file, io)
  if (options.btf !== undefined && !options.core) throw usageError('--btf needs --core')
  const inspection = await step(EXIT.badInput, file, () => inspectObject(file, bytes))
  const core = options.core === true ? await inspectCore(bytes, new KernelTypes(options.btf, io)) : undefined
  if (options.json) io.stdout.write(formatJson({ ...inspection, ...(core !== undefined && { core }) }))
  else {
    const style = createStyle(io.stdout, io.env)
    io.stdout.write(printInspection(inspection, style))
    if (core !== undefined) io.stdout.write(`\n${printCore(core, style)}`)
  }
  return EXIT.ok
}

function printInspection(object: Inspection, style: Style): string {
  const parts = [head(object)]
  const table = (title: string, columns: readonly TableColumn[], rows: readonly (readonly string[])[]): void => {
    if (rows.length === 0) return
    const text = formatTextTable(
      columns,
      rows.map((row) => row.map(visible)),
    )
    const lines = text.split('\n').map((line, i) => `  ${i === 0 ? style.dim(line) : line}`)
    parts.push(`${style.bold(title)}\n${lines.join('\n')}\n`)
  }
  const right = (title: string): TableColumn => ({ title, align: 'right' })

  table(
    'Programs',
    [
      { title: 'name' },
      { title: 'section' },
      { title: 'type' },
      right('insns'),
      { title: 'groups' },
      { title: 'helpers' },
    ],
    object.programs.map((program) => [
      program.name,
      program.section,
      [
        program.type,
        program.sleepable ? 'sleepable' : '',
        program.frags ? 'frags' : '',
        program.autoload ? '' : 'no autoload',
      ]
        .filter((word) => word !== '')
        .join(', '),
      formatCount(program.insns),
      program.conformanceGroups.join(' '),
      clip(program.helpers.join(' '), 60),
    ]),
  )
  table(
    'Functions',
    [{ title: 'name' }, { title: 'section' }, { title: 'linkage' }, right('insns'), { title: 'groups' }],
    object.functions.map((fn) => [
      fn.name,
      fn.section,
      fn.linkage,
      formatCount(fn.insns),
      fn.conformanceGroups.join(' '),
    ]),
  )
  table(
    'Maps',
    [
      { title: 'name' },
      { title: 'type' },
      { title: 'key' },
      { title: 'value' },
      right('max entries'),
      { title: 'flags' },
      { title: 'notes' },
    ],
    object.maps.map(mapRow),
  )
  table(
    'Globals',
    [{ title: 'name' }, { title: 'map' }, right('offset'), right('size'), { title: 'type' }],
    object.globals.map((variable: GlobalSummary) => [
      variable.name,
      variable.map,
      String(variable.offset),
      String(variable.size),
      variable.type ?? '',
    ]),
  )
  table(
    'Externs',
    [{ title: 'name' }, { title: 'type' }, { title: 'notes' }],
    object.externs.map(({ name, type, weak }) => [name, type ?? '', weak ? 'weak' : '']),
  )
  table(
    'Sections',
    [right('index'), { title: 'name' }, { title: 'type' }, right('bytes'), { title: 'relocations' }],
    object.sections.map((section) => [
      String(section.index),
      section.name,
      section.type,
      formatCount(section.size),
      counts(section.relocations),
    ]),
  )
  if (object.btf !== undefined) {
    parts.push(`${style.bold('BTF')}\n  ${formatCount(object.btf.types)} types: ${counts(object.btf.kinds)}\n`)
  }
  const problems = [
    ...object.problems,
    ...[...object.programs, ...object.functions].flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
  ]
  if (problems.length > 0) {
    parts.push(`${style.bold('Problems')}\n${problems.map((line) => `  ${style.yellow(visible(line))}\n`).join('')}`)
  }
  return parts.join('\n')
}

function head(object: Inspection): string {
  const rows = [
    ['file', object.file],
    ['byte order', `${object.byteOrder}-endian`],
    ['licence', object.license === '' ? 'none' : object.license],
  ]
  if (object.kernelVersion !== undefined) rows.push(['kernel version', kernelVersion(object.kernelVersion)])
  rows.push(['groups', object.conformanceGroups.join(' ') || 'none: there are no instructions'])
  return `${rows.map(([name, value]) => `${`${name}:`.padEnd(16)}${visible(value!)}`).join('\n')}\n`
}

/** `LINUX_VERSION_CODE`: a byte each for the lower two parts. */
function kernelVersion(code: number): string {
  return `${code >>> 16}.${(code >>> 8) & 255}.${code & 255}`
}

function mapRow(map: MapSummary): string[] {
  const notes: string[] = []
  if (map.kind !== 'map') notes.push(map.kind)
  if (map.pinning !== 0) notes.push(map.pinning === 1 ? 'pinned by name' : `pinning ${map.pinning}`)
  if (map.innerMap !== undefined) {
    const { type, key, keySize, value, valueSize, maxEntries } = map.innerMap
    notes.push(`of ${type}[${maxEntries}] ${key ?? bytes(keySize)} → ${value ?? bytes(valueSize)}`)
  }
  if (map.initialSlots !== undefined && map.initialSlots.length > 0) {
    notes.push(clip(map.initialSlots.map(({ index, target }) => `[${index}] = ${target}`).join(', '), 60))
  }
  return [
    map.name,
    map.type,
    sized(map.key, map.keySize),
    sized(map.value, map.valueSize),
    formatCount(map.maxEntries),
    map.flags === 0 ? '' : `0x${map.flags.toString(16)}`,
    notes.join('; '),
  ]
}

function sized(type: string | undefined, size: number): string {
  return type === undefined ? (size === 0 ? '' : bytes(size)) : `${clip(type, 40)} (${size})`
}

function bytes(size: number): string {
  return size === 1 ? '1 byte' : `${formatCount(size)} bytes`
}

function counts(byName: Readonly<Record<string, number>>): string {
  return Object.entries(byName)
    .map(([name, count]) => `${formatCount(count)} ${name}`)
    .join(', ')
}
