/**
 * The gallery of rejections, `examples/rejections/`: what each program shows, and what its explanation has to say.
 *
 * `tsx scripts/rejection-gallery.ts` writes the explanations, `NAME.txt`, and the table of the gallery's README; a test holds
 * that they are current.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execute } from '../src/cli/execute.ts'
import type { CliIo } from '../src/cli/streams.ts'
import { formatMarkdownTable } from '../src/util/text-table.ts'
import { GALLERY, type GalleryCase } from './rejection-cases.ts'

export const GALLERY_PATH = join(import.meta.dirname, '..', 'examples', 'rejections')

/** What `anybpf verify` is asked, from the root of the repository. */
export function galleryCommand({ name, author }: GalleryCase): string[] {
  const options = author === undefined ? [] : ['--author', author]
  return ['verify', `examples/rejections/${name}.el.o`, ...options]
}

/** What it prints, without times. The working directory has to be the root of the repository. */
export async function printExplanation(one: GalleryCase): Promise<string> {
  let printed = ''
  const io: CliIo = {
    stdin: (async function* () {})(),
    stdout: { write: (text) => void (printed += String(text)), isTTY: false, columns: 100 },
    stderr: { write: (text) => void (printed += String(text)), isTTY: false, columns: 100 },
    env: {},
  }
  await execute(galleryCommand(one), io)
  return `$ anybpf ${galleryCommand(one).join(' ')}\n${withoutTimes(printed)}`
}

/** The table's last column, which holds milliseconds, is left empty. */
function withoutTimes(text: string): string {
  return text.replace(/^(verdict .*?) +ms$/m, '$1  ms').replace(/^((?:accept|reject) .*?) +[\d.]+$/m, '$1   …')
}

export function galleryTable(): string {
  return formatMarkdownTable(
    [{ title: 'program' }, { title: 'shows' }, { title: 'Linux says' }, { title: 'code' }],
    GALLERY.map(({ name, shows, code, says }) => [
      `[${name}](${name}.c), [explained](${name}.txt), [mended](${name}.fixed.c)`,
      shows,
      `\`${says}\``,
      `\`${code}\``,
    ]),
  )
}

const TABLE = /(<!-- generated: gallery -->\n)[\s\S]*?(<!-- end generated -->)/

/** The gallery's README with its table made anew. */
export function renderReadme(text: string): string {
  return text.replace(TABLE, (_, open: string, close: string) => `${open}\n${galleryTable()}\n\n${close}`)
}

async function main(): Promise<void> {
  process.chdir(join(GALLERY_PATH, '..', '..'))
  const readme = join(GALLERY_PATH, 'README.md')
  writeFileSync(readme, renderReadme(readFileSync(readme, 'utf8')))
  for (const one of GALLERY) writeFileSync(join(GALLERY_PATH, `${one.name}.txt`), await printExplanation(one))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
