/**
 * Prints the tables of `docs/portable-binaries.md` from the tables of the code.
 * @module
 */
import { CORE_RELOCATION_KINDS } from '../src/btf/index.ts'
import { BPF_RELOCATION } from '../src/elf/index.ts'
import { MAP_MEMBERS } from '../src/object/btf-maps.ts'
import { DATA_SECTIONS } from '../src/object/data-maps.ts'
import { SECTION_TABLE } from '../src/spec/sections.ts'
import { formatMarkdownTable, type TableColumn } from '../src/util/text-table.ts'

const columns = (...titles: string[]): TableColumn[] => titles.map((title) => ({ title }))
const code = (text: string): string => `\`${text}\``

/** Sections by the type of their programs; names that mean the same share a row. */
export function sectionsTable(): string {
  const rows = new Map<string, { names: string[]; cells: string[] }>()
  for (const { pattern, type, attachType = '', sleepable, frags } of SECTION_TABLE) {
    const notes = [sleepable === true ? 'may sleep' : '', frags === true ? 'packets in several buffers' : '']
    const cells = [
      code(type),
      attachType === '' ? '' : code(attachType),
      notes.filter((note) => note !== '').join(', '),
    ]
    const key = cells.join('|')
    const known = rows.get(key)
    if (known === undefined) rows.set(key, { names: [code(pattern)], cells })
    else known.names.push(code(pattern))
  }
  return formatMarkdownTable(
    columns('section', 'program type', 'attach type', ''),
    [...rows.values()].map(({ names, cells }) => [names.join(', '), ...cells]),
  )
}

export function dataSectionsTable(): string {
  return formatMarkdownTable(
    columns('section', 'what it becomes'),
    DATA_SECTIONS.map(({ prefix, about }) => [
      code(prefix.endsWith('.') ? `${prefix}1` : `${prefix}, ${prefix}.*`),
      about,
    ]),
  )
}

export function mapMembersTable(): string {
  return formatMarkdownTable(
    columns('member', 'what it says'),
    Object.entries(MAP_MEMBERS).map(([name, about]) => [code(name), about]),
  )
}

const RELOCATION_ABOUT: Readonly<
  Record<keyof typeof BPF_RELOCATION, readonly [name: string, where: string, value: string]>
> = {
  none: ['R_BPF_NONE', 'nowhere', 'nothing'],
  r64_64: [
    'R_BPF_64_64',
    'the two immediates of a wide load (`lddw`)',
    'address of a map, of a variable, of a function, of a kernel symbol',
  ],
  abs64: ['R_BPF_64_ABS64', 'eight bytes of data', 'the same, in initialisers: of `.maps`, `.struct_ops`, `.data`'],
  abs32: ['R_BPF_64_ABS32', 'four bytes of data', 'offset into a section of DWARF; of no concern to a loader'],
  nodyld32: [
    'R_BPF_64_NODYLD32',
    'four bytes of `.BTF` and `.BTF.ext`',
    'offset of a variable or an instruction in its section; a loader leaves them alone, a static linker adjusts them',
  ],
  r64_32: [
    'R_BPF_64_32',
    'the immediate of a call',
    'distance to the function, in instructions; of a kernel function, its id',
  ],
}

export function relocationsTable(): string {
  return formatMarkdownTable(
    [{ title: 'number', align: 'right' }, ...columns('name', 'where', 'what is put there')],
    Object.entries(BPF_RELOCATION).map(([key, number]) => {
      const [name, where, value] = RELOCATION_ABOUT[key as keyof typeof BPF_RELOCATION]
      return [String(number), code(name), where, value]
    }),
  )
}

const MISSING: Readonly<Record<(typeof CORE_RELOCATION_KINDS)[number]['missing'], string>> = {
  '0': '0',
  poison: 'may not be reached',
  never: 'does not happen',
}

export function coreKindsTable(): string {
  return formatMarkdownTable(
    [
      { title: 'kind', align: 'right' },
      ...columns('constant', 'in logs', 'about a', 'value', 'if it is missing', 'in C'),
    ],
    CORE_RELOCATION_KINDS.map(({ number, constant, name, subject, value, missing, c }) => [
      String(number),
      code(constant),
      code(name),
      subject,
      value,
      MISSING[missing],
      c,
    ]),
  )
}
