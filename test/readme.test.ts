/**
 * The README tells the truth: its JavaScript runs and prints what the comments say, and its console blocks show what the
 * command prints. Also docs/running.md and the document of the examples.
 *
 * A comment behind a `console.log(…)` is what it prints, and may go on after a colon or comma; one that starts with a
 * lower-case word is a remark. Figures of time (`12.3 µs`, `1,234 per second`) may differ from run to run, and nothing else.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
// biome-ignore lint/correctness/useImportExtensions: the script is JavaScript, and has its types beside it
import { buildExecutables } from '../scripts/build-executables.mjs'

const ROOT = join(import.meta.dirname, '..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const RUNNING = readFileSync(join(ROOT, 'docs', 'running.md'), 'utf8')
const EXAMPLES = readFileSync(join(ROOT, 'examples', 'README.md'), 'utf8')

interface Block {
  readonly language: string
  readonly text: string
  readonly line: number
}

/** Fenced blocks of a document. */
function blocksOf(markdown: string, ...languages: string[]): Block[] {
  const blocks = [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: text, index }) => ({
    language: language!,
    text: text!,
    line: markdown.slice(0, index).split('\n').length,
  }))
  return blocks.filter(({ language }) => languages.includes(language))
}

/** The same text for the same run: without the figures that depend on the machine, and without blanks at line ends. */
function withoutTimes(text: string): string {
  return (
    text
      .replace(/\b\d[\d,]*(?:\.\d+)?(?= (?:ns|µs|ms|s) per run\b)/g, 'N')
      .replace(/(?<=\bN )(?:ns|µs|ms|s)(?= per run\b)/g, 'UNIT')
      .replace(/\b\d[\d,]*(?:\.\d+)?(?= ?(?:per second|packets\/s|M\/s)\b)/g, 'N')
      .replace(/\b\d[\d,]*(?:\.\d+)? (?:ns|µs|ms)\b/g, 'N UNIT')
      // The last column of a table of verdicts.
      .replace(/^(verdict +program +type +insns processed) +ms$/gm, '$1 ms')
      .replace(/^((?:accept|reject) .*\d) +\d+\.\d$/gm, '$1 N')
      .replace(/[ \t]+$/gm, '')
      .trim()
  )
}

let directory: string

beforeAll(async () => {
  // What the demo script needs, with executables of its own: `dist` may be absent, or old.
  directory = mkdtempSync(join(tmpdir(), 'anybpf-readme-'))
  mkdirSync(join(directory, 'scripts'))
  for (const script of ['demo.mjs', 'build-executables.mjs']) {
    cpSync(join(ROOT, 'scripts', script), join(directory, 'scripts', script))
  }
  for (const name of ['examples', 'node_modules', 'package.json']) symlinkSync(join(ROOT, name), join(directory, name))
  await buildExecutables(join(directory, 'dist'))
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('the figures that may differ', () => {
  it('are those of time, and no others', () => {
    const said = 'ran 873 packets, 5,491 per second\n136 µs per run   \n{ packets: 52, bytes: 2717 }, 12.5 ms'
    expect(withoutTimes(said)).toBe(
      'ran 873 packets, N per second\nN UNIT per run\n{ packets: 52, bytes: 2717 }, N UNIT',
    )
    expect(withoutTimes('2,000 packets/s, 31.5 M/s, 41.3 ns')).toBe('N packets/s, N M/s, N UNIT')
    expect(withoutTimes('time: 1190090000, 72.4 %, 9 sources')).toBe('time: 1190090000, 72.4 %, 9 sources')
  })
})

describe.each([
  ['README.md', README],
  ['docs/running.md', RUNNING],
])('JavaScript in %s', (document, markdown) => {
  const blocks = blocksOf(markdown, 'js', 'ts')

  it('is there', () => {
    expect(blocks.length).toBeGreaterThan(0)
  })

  it.each(blocks)('line $line runs and prints what it says', async ({ language, text, line }) => {
    const built = await build({
      stdin: { contents: text, resolveDir: ROOT, loader: language === 'ts' ? 'ts' : 'js' },
      alias: { anybpf: join(ROOT, 'src', 'index.ts') },
      plugins: [
        {
          name: 'subpaths',
          setup({ onResolve }) {
            onResolve({ filter: /^anybpf\/\w+$/ }, ({ path }) => ({
              path: join(ROOT, 'src', path.slice('anybpf/'.length), 'index.ts'),
            }))
          },
        },
      ],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      // Every call of console.log ends with a mark, so that its output can be told from the next one's.
      banner: {
        js: `{ const log = console.log; console.log = (...all) => { log(...all); process.stdout.write('\\0') } }`,
      },
    })
    const module = join(directory, `${document.replaceAll('/', '-')}-${line}.mjs`)
    writeFileSync(module, built.outputFiles[0]!.text)
    const { status, stdout, stderr } = spawnSync(process.execPath, [module], { cwd: ROOT, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const printed = stdout.split('\0').slice(0, -1)
    const logs = [...text.matchAll(/^console\.log\(.*\)(?: *\/\/ (.*))?$/gm)].map((match) => match[1])
    expect(printed).toHaveLength(logs.length)
    logs.forEach((comment, i) => {
      if (comment === undefined || /^[a-z]/.test(comment)) return
      const said = printed[i]!.trim()
      expect(said).not.toBe('')
      expect(comment.slice(0, said.length)).toBe(said)
      expect(comment.slice(said.length)).toMatch(/^(?:[:,;] .*)?$/)
    })
  })
})

/** Runs the command of a console block, `$ anybpf …` or `$ … | anybpf …`, in a shell at the root; what it printed. */
function runConsole(command: string): string {
  const shell = `anybpf() { '${process.execPath}' '${join(directory, 'dist', 'cli.js')}' "$@"; }\n${command}`
  const { stdout, stderr } = spawnSync('bash', ['-c', shell], { cwd: ROOT, encoding: 'utf8', input: '' })
  return stdout + stderr
}

/** Command and output of a block; a command ends with its line, or with the quotation that the line opens. */
function splitConsole(text: string): [command: string, output: string] {
  const match = /^\$ ((?:'[^']*'|"[^"]*"|\\\n|[^'"\n])+)\n([\s\S]*)$/.exec(text)
  if (match === null) throw new Error(`no command in ${text}`)
  return [match[1]!, match[2]!]
}

/** What is printed, cut where the block cuts it: a line `…` stands for any number of lines. */
function expectShown(shown: string, printed: string): void {
  const parts = withoutTimes(shown)
    .split(/^…$/m)
    .map((part) => part.trim())
  const whole = withoutTimes(printed)
  if (parts.length === 1) expect(whole).toBe(parts[0])
  let at = 0
  for (const part of parts) {
    const found = whole.indexOf(part, at)
    expect(found, `${part}\n\nis in\n\n${whole}`).toBeGreaterThanOrEqual(0)
    at = found + part.length
  }
  if (parts[0] !== '') expect(whole.startsWith(parts[0]!)).toBe(true)
  if (parts.at(-1) !== '') expect(whole.endsWith(parts.at(-1)!)).toBe(true)
}

describe('the demo', () => {
  it('prints what the first console block of README.md shows', () => {
    const demo = spawnSync(process.execPath, ['scripts/demo.mjs'], { cwd: directory, encoding: 'utf8' })
    expect(demo.stderr).toBe('')
    expect(demo.status).toBe(0)
    expect(withoutTimes(demo.stdout)).toBe(withoutTimes(blocksOf(README, 'console')[0]!.text))
  })
})

describe.each([
  ['README.md', README],
  ['examples/README.md', EXAMPLES],
])('%s', (_, markdown) => {
  const blocks = blocksOf(markdown, 'console')

  it('shows commands', () => {
    expect(blocks.length).toBeGreaterThan(0)
  })

  it.each(blocks)('shows at line $line what its command prints', ({ text }) => {
    const [command, output] = splitConsole(text)
    expectShown(output, runConsole(command))
  })
})
