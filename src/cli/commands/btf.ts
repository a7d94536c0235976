/**
 * `anybpf btf`: types printed, converted and compared.
 * @module
 */
import {
  type Btf,
  type BtfTypeId,
  btfToC,
  btfToText,
  btfToTypeScript,
  diffBtf,
  formatBtfDiff,
  parseBtf,
  reachableTypes,
} from '../../btf/index.ts'
import { parseElf } from '../../elf/index.ts'
import { AnybpfError, quoteName } from '../../util/index.ts'
import { CliError, EXIT, type ExitStatus, step } from '../errors.ts'
import { isElf, readInput } from '../input.ts'
import { formatJson } from '../json.ts'
import type { CliIo } from '../streams.ts'
import { visible } from '../text.ts'

export interface BtfDumpOptions {
  readonly format: 'raw' | 'c' | 'ts' | 'json'
  readonly type?: readonly string[]
  readonly base?: string
  readonly json?: boolean
}

export async function btfDumpCommand(file: string, options: BtfDumpOptions, io: CliIo): Promise<ExitStatus> {
  const base = options.base === undefined ? undefined : await readBtf(options.base, io)
  const btf = await readBtf(file, io, base)
  const roots = options.type && (await step(EXIT.usage, file, () => idsOfNames(btf, options.type!)))
  const text = await step(EXIT.badInput, file, () => dump(btf, options.json ? 'json' : options.format, roots))
  io.stdout.write(text)
  return EXIT.ok
}

function dump(btf: Btf, format: BtfDumpOptions['format'], roots: readonly BtfTypeId[] | undefined): string {
  const types = roots === undefined ? {} : { types: roots }
  switch (format) {
    case 'c':
      return btfToC(btf, types).text
    case 'ts':
      return btfToTypeScript(btf, types).text
    case 'json': {
      const ids = roots && reachableTypes(btf, roots)
      const list = ids === undefined ? btf.types.slice(btf.firstOwn) : ids.map((id) => btf.type(id))
      return formatJson({ byteOrder: btf.byteOrder, types: list })
    }
    default: {
      const text = btfToText(btf, roots && reachableTypes(btf, roots))
      // Line breaks and tabs are ours; whatever else a name holds is made visible.
      return text
        .split('\n')
        .map((line) => (line.startsWith('\t') ? `\t${visible(line.slice(1))}` : visible(line)))
        .join('\n')
    }
  }
}

function idsOfNames(btf: Btf, names: readonly string[]): readonly BtfTypeId[] {
  return names.flatMap((name) => {
    const ids = btf.idsOf(name)
    if (ids.length === 0) throw new AnybpfError('ERR_NOT_FOUND', `has no type ${quoteName(name)}`)
    return ids
  })
}

export interface BtfDiffCommandOptions {
  readonly type?: readonly string[]
  readonly json?: boolean
}

export async function btfDiffCommand(
  before: string,
  after: string,
  options: BtfDiffCommandOptions,
  io: CliIo,
): Promise<ExitStatus> {
  const [old, now] = [await readBtf(before, io), await readBtf(after, io)]
  for (const name of options.type ?? []) {
    if (old.idsOf(name).length + now.idsOf(name).length > 0) continue
    throw new CliError(EXIT.usage, 'ERR_NOT_FOUND', `neither has a type ${quoteName(name)}`, `${before}, ${after}`)
  }
  const differences = await step(EXIT.badInput, `${before}, ${after}`, () =>
    diffBtf(old, now, options.type === undefined ? {} : { names: options.type }),
  )
  const text = (): string => formatBtfDiff(differences).split('\n').map(visible).join('\n')
  io.stdout.write(options.json ? formatJson({ differences }) : text())
  return differences.length === 0 ? EXIT.ok : EXIT.rejected
}

/** Types of an object, or of a file that holds nothing but BTF. */
export async function readBtf(file: string, io: CliIo, base?: Btf): Promise<Btf> {
  const bytes = await readInput(file, io)
  return step(EXIT.badInput, file, () => {
    const options = base === undefined ? {} : { base }
    if (!isElf(bytes)) return parseBtf(bytes, options)
    const elf = parseElf(bytes)
    const section = elf.section('.BTF')
    if (section === undefined) throw new AnybpfError('ERR_NOT_FOUND', 'has no types: compile it with -g')
    return parseBtf(elf.data(section), options)
  })
}
