/**
 * Writes the generated parts of the documents: whatever stands between `<!-- generated: NAME -->` and
 * `<!-- end generated -->` is replaced by what the section of that name prints.
 *
 * `tsx scripts/generate-docs.ts` rewrites the documents; with `--check` it changes nothing, and fails where one is not current.
 * @module
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { INSTRUCTION_GROUPS, type InstructionGroupInfo } from '../src/isa/groups.ts'
import type { InstructionRow } from '../src/isa/instruction-row.ts'
import { INSTRUCTION_TABLE } from '../src/isa/instruction-table.ts'
import { CLASS, SIZE_BITS } from '../src/isa/opcode.ts'
import { formatMarkdownTable, type TableColumn } from '../src/util/text-table.ts'
import { MODULES } from './architecture-table.ts'
import * as btf from './btf-docs.ts'
import { contextTables, objectTables, programTypesTable } from './context-docs.ts'
import * as performance from './performance-docs.ts'
import * as portable from './portable-docs.ts'
import * as verifier from './verifier-docs.ts'

const DOCS = join(import.meta.dirname, '..', 'docs')

const RFC_GROUPS: ReadonlySet<string> = new Set(
  INSTRUCTION_GROUPS.filter((group) => group.since === 'RFC 9669').map((group) => group.name),
)

const columns = (...titles: string[]): TableColumn[] => titles.map((title) => ({ title }))
const code = (text: string): string => `\`${text}\``
const hex = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`

/** A field of a row: what an encoding may hold there. */
function fieldText(field: InstructionRow['imm'] | InstructionRow['off'] | undefined): string {
  if (field === undefined) return ''
  if (field === 'value') return 'any'
  if (field === 'spaces') return 'to << 16 | from'
  if (typeof field === 'number' && field > 15) return hex(field)
  return String(field)
}

const REGISTER_NAMES: Readonly<Record<string, string>> = { dst: 'D', src: 'S' }
const FIELD_NAMES: Readonly<Record<string, string>> = { off: 'off', imm: 'imm', imm2: 'next_imm' }

/** A text template of the instruction table, its fields replaced by the names that the notation gives them. */
export function templateToNotation(template: string): string {
  return template.replace(/\{([^{}:]+):([^{}]+)\}/g, (whole, form: string, field: string) => {
    const register = REGISTER_NAMES[field]
    if (register !== undefined) {
      if (form === 'r' || form === 'w') return `${form}${register}`
      if (form === '%') return `%r${register}`
    }
    const name = FIELD_NAMES[field]
    if (name === undefined) throw new Error(`unknown field in the template: ${whole}`)
    switch (form) {
      case 'imm':
      case 'imm32':
      case 'helper':
      case 'kfunc':
        return name
      case 'imm64':
        return 'imm64'
      case 'sum':
        return ` + ${name}`
      case 'sum+':
      case 'goto':
        return `+${name}`
      case 'local':
        return `pc+${name}`
      case 'hi':
        return 'to'
      case 'lo':
        return 'from'
      default:
        throw new Error(`unknown form in the template: ${whole}`)
    }
  })
}

/** The encodings that `choose` chooses, in the order of the table. */
function encodingTable(choose: (row: InstructionRow) => boolean, extra: 'group' | 'since' = 'group'): string {
  const rows = INSTRUCTION_TABLE.filter(choose)
  if (rows.length === 0) throw new Error('a table of the document has no rows')
  const wide = rows.some((row) => row.imm2 !== undefined)
  return formatMarkdownTable(
    columns(
      'opcode',
      'dst',
      'src',
      'off',
      'imm',
      ...(wide ? ['next_imm'] : []),
      'text',
      'conformance text',
      'meaning',
      ...(extra === 'since' ? ['group', 'since'] : ['group']),
    ),
    rows.map((row) => [
      hex(row.opcode),
      fieldText(row.dst),
      fieldText(row.src),
      fieldText(row.off),
      fieldText(row.imm),
      ...(wide ? [fieldText(row.imm2)] : []),
      textCell(row, row.kernel),
      textCell(row, row.conformance),
      code(row.semantics),
      ...(extra === 'since' ? [row.group, row.since] : [row.group]),
    ]),
  )
}

/** The text with all fields of the encoding: the first of those that mention most. */
function textCell(row: InstructionRow, templates: readonly string[]): string {
  if (row.decodeOnly === true) return 'read, never written'
  const fieldsOf = (template: string): number => new Set(template.match(/:\w+}/g)).size
  const [fullest] = [...templates].sort((a, b) => fieldsOf(b) - fieldsOf(a))
  return fullest === undefined ? '' : code(templateToNotation(fullest))
}

const inRfc = (row: InstructionRow): boolean => RFC_GROUPS.has(row.group)
const ofKind = (...kinds: InstructionRow['shape']['kind'][]): ((row: InstructionRow) => boolean) => {
  return (row) => inRfc(row) && kinds.includes(row.shape.kind)
}

const CLASS_ABOUT: Readonly<Record<keyof typeof CLASS, string>> = {
  LD: '64-bit immediates, packet access',
  LDX: 'loads into a register',
  ST: 'stores of an immediate',
  STX: 'stores of a register, atomic operations',
  ALU: 'arithmetic, 32 bits',
  JMP: 'jumps that compare 64 bits; calls, exit',
  JMP32: 'jumps that compare 32 bits',
  ALU64: 'arithmetic, 64 bits',
}

const SIZE_LETTER: Readonly<Record<string, string>> = { 1: 'B', 2: 'H', 4: 'W', 8: 'DW' }

function groupsTable(): string {
  const groups: readonly InstructionGroupInfo[] = INSTRUCTION_GROUPS
  return formatMarkdownTable(
    [...columns('group', 'includes', 'since', 'what'), { title: 'encodings', align: 'right' }],
    groups.map((group) => [
      group.name,
      group.includes.join(', '),
      group.since,
      group.about,
      String(INSTRUCTION_TABLE.filter((row) => row.group === group.name).length),
    ]),
  )
}

function modulesTable(): string {
  return formatMarkdownTable(
    columns('Module', 'Owns', 'Does not own', 'May import'),
    MODULES.map((row) => [
      row.module === '.' ? '`src/index.ts`' : code(`${row.module}/`),
      row.owns,
      row.doesNotOwn,
      row.mayImport.map((name) => (name === '.' ? 'the root' : name)).join(', ') || 'nothing',
    ]),
  )
}

/** What each marked section of a document prints. */
export const SECTIONS: Readonly<Record<string, () => string>> = {
  'btf-kinds': btf.kindsTable,
  'btf-encoding': btf.encodingTable,
  'btf-layout': btf.layoutTable,
  modules: modulesTable,
  'context-program-types': programTypesTable,
  contexts: contextTables,
  'context-objects': objectTables,
  'verifier-categories': verifier.categoriesTable,
  'verifier-codes': verifier.codesTable,
  'verifier-limits': verifier.limitsTable,
  'verifier-modules': verifier.modulesTable,
  'verifier-report': verifier.reportExample,
  'performance-machine': performance.machineTable,
  'performance-plain': performance.plainTable,
  'performance-means': performance.meansTable,
  'performance-maps': performance.mapsTable,
  'performance-captures': performance.captureTable,
  'performance-compile': performance.compileTable,
  'performance-compile-kinds': performance.compileKindsTable,
  'performance-entries': performance.entriesTable,
  'portable-sections': portable.sectionsTable,
  'portable-data': portable.dataSectionsTable,
  'portable-maps': portable.mapMembersTable,
  'portable-relocations': portable.relocationsTable,
  'portable-core': portable.coreKindsTable,
  'isa-classes': () =>
    formatMarkdownTable(
      columns('class', 'value', 'what'),
      Object.entries(CLASS).map(([name, value]) => [name, String(value), CLASS_ABOUT[name as keyof typeof CLASS]]),
    ),
  'isa-sizes': () =>
    formatMarkdownTable(
      columns('size', 'value (bits 3 and 4)', 'bytes'),
      Object.entries(SIZE_BITS)
        .sort(([, a], [, b]) => a - b)
        .map(([bytes, bits]) => [SIZE_LETTER[bytes]!, String(bits >> 3), bytes]),
    ),
  'isa-groups': groupsTable,
  'isa-arithmetic': () => encodingTable(ofKind('alu', 'neg', 'movsx')),
  'isa-byte-swap': () => encodingTable(ofKind('endian')),
  'isa-jumps': () => encodingTable(ofKind('jump', 'goto')),
  'isa-calls': () => encodingTable(ofKind('call', 'exit')),
  'isa-memory': () => encodingTable(ofKind('load', 'store')),
  'isa-atomics': () => encodingTable(ofKind('atomic')),
  'isa-wide': () => encodingTable(ofKind('lddw')),
  'isa-packet': () => encodingTable(ofKind('load_packet')),
  'isa-beyond': () => encodingTable((row) => !inRfc(row), 'since'),
}

const MARKED = /(<!-- generated: ([\w-]+) -->\n)[\s\S]*?(<!-- end generated -->)/g

/** A document with its generated parts made anew. Throws for a section that nobody prints. */
export function renderDocument(text: string): string {
  return text.replace(MARKED, (_, open: string, name: string, close: string) => {
    const section = SECTIONS[name]
    if (section === undefined) throw new Error(`no section is called '${name}'`)
    return `${open}\n${section()}\n\n${close}`
  })
}

/** The documents with generated parts, and generated pictures, by path, as they are and as they should be. */
export function renderDocuments(): { path: string; current: string; wanted: string }[] {
  const documents = readdirSync(DOCS)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => {
      const path = join(DOCS, name)
      const current = readFileSync(path, 'utf8')
      return { path, current, wanted: renderDocument(current) }
    })
  const picture = join(DOCS, 'performance.svg')
  const current = existsSync(picture) ? readFileSync(picture, 'utf8') : ''
  return [...documents, { path: picture, current, wanted: performance.plot() ?? '' }]
}

function main(check: boolean): void {
  for (const { path, current, wanted } of renderDocuments()) {
    if (current === wanted) continue
    if (check) {
      console.error(`${path} is not current: run npm run generate`)
      process.exitCode = 1
    } else {
      writeFileSync(path, wanted)
      console.log(`wrote ${path}`)
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.includes('--check'))
