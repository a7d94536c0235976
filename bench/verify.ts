/**
 * How fast programs are verified: `npm run bench -- verify [--only=TEXT] [--passes=N] [--no-kernel]`.
 *
 * Real objects where the corpora are (`ANYBPF_CORPUS`, default `../shared/corpus`), else the examples; each is verified in
 * several passes of one process with nothing kept between them. Where this is Linux and we are root, the running kernel
 * verifies the same programs in the same minute, so that its time and ours can be compared; on a busy machine neither
 * figure means much alone.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KernelOracle } from '../scripts/score/kernel-oracle.ts'
import { type KernelVerdict, kernelQuestion } from '../scripts/score/kernel-question.ts'
import { readKernelBtf } from '../scripts/score/test-verifier.ts'
import { VerifyInput } from '../src/loader/verify-input.ts'
import { parseObject } from '../src/object/index.ts'
import { linux } from '../src/spec/index.ts'
import { formatTextTable } from '../src/util/index.ts'
import type { VerifierProgram } from '../src/verifier/program.ts'
import { verify } from '../src/verifier/verify.ts'

const PLATFORM = linux()
const ROWS = 15
const option = (name: string): string | undefined =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
const only = option('only') ?? ''
const passes = Number(option('passes') ?? 3)

interface Subject {
  readonly name: string
  readonly program: VerifierProgram
  insns: number
  ms: number[]
  kernelMs: number | undefined
}

function* objectFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* objectFiles(path)
    else if (/\.(o|elf)$/.test(entry.name)) yield path
  }
}

function* subjects(folder: string): Generator<Subject> {
  for (const file of objectFiles(folder)) {
    let opened: { readonly input: VerifyInput; readonly spec: ReturnType<typeof parseObject> }
    try {
      const spec = parseObject(readFileSync(file))
      for (const map of Object.values(spec.maps)) map.maxEntries = Math.min(Math.max(map.maxEntries, 1), 8192)
      opened = { spec, input: new VerifyInput(spec, PLATFORM, {}) }
    } catch {
      continue
    }
    for (const one of Object.values(opened.spec.programs)) {
      const name = `${file.slice(folder.length + 1)} ${one.section} ${one.name}`
      if (!name.includes(only)) continue
      try {
        const program = opened.input.program(one)
        yield { name, program: { ...program, type: typeOf(program, file) }, insns: 0, ms: [], kernelMs: undefined }
      } catch {
        // It cannot be linked: not a program to measure.
      }
    }
  }
}

/** Old objects have sections that do not tell the type; their files' names do. */
function typeOf({ type }: VerifierProgram, file: string): string {
  if (type !== 'unspec') return type
  return file.includes('xdp') ? 'xdp' : 'sched_cls'
}

const corpus = join(
  process.env['ANYBPF_CORPUS'] ?? fileURLToPath(new URL('../../shared/corpus', import.meta.url)),
  'objects',
)
const all = [...subjects(existsSync(corpus) ? corpus : fileURLToPath(new URL('../examples', import.meta.url)))]
if (all.length === 0) {
  console.error(`--only=${only}: no program has that in its name (FILE SECTION PROGRAM)`)
  process.exit(2)
}
const kernelBtf = readKernelBtf()
const options = { explain: false, ...(kernelBtf !== undefined && { kernelBtf }) }

for (let pass = 0; pass < passes; pass++) {
  const started = performance.now()
  let insns = 0
  for (const subject of all) {
    const { stats } = verify(subject.program, PLATFORM, options)
    subject.ms.push(stats.ms)
    subject.insns = stats.insnsProcessed
    insns += stats.insnsProcessed
  }
  const ms = performance.now() - started
  console.log(
    `pass ${pass + 1}: ${all.length} programs, ${insns} instructions processed in ${ms.toFixed(0)} ms, ` +
      `${((1000 * ms) / insns).toFixed(2)} us each`,
  )
}

const kernel = new KernelOracle()
if (process.argv.includes('--no-kernel')) console.log('the kernel was not asked')
else if (kernel.unavailable !== undefined) console.log(`no kernel beside it: ${kernel.unavailable}`)
else {
  for (const subject of all) {
    const { btf: _, functions: __, ...bare } = subject.program
    const reply = await kernel.ask<KernelVerdict>(kernelQuestion({ ...bare, license: 'GPL' }, PLATFORM))
    const time = reply.log
      ?.map((line) => /^verification time (\d+) usec/.exec(line)?.[1])
      .find((us) => us !== undefined)
    if (reply.accepted === true && time !== undefined) subject.kernelMs = Number(time) / 1000
  }
}
kernel.close()

const ours = (subject: Subject): number =>
  Math.min(...subject.ms.slice(1), subject.ms.length > 1 ? Infinity : subject.ms[0]!)
const judged = all.filter(({ kernelMs }) => kernelMs !== undefined)
if (judged.length > 0) {
  const mine = judged.reduce((sum, subject) => sum + ours(subject), 0)
  const theirs = judged.reduce((sum, { kernelMs }) => sum + kernelMs!, 0)
  console.log(
    `${judged.length} programs that the kernel took as well: ours ${mine.toFixed(0)} ms (best pass after the first), ` +
      `kernel ${theirs.toFixed(0)} ms, ratio ${(mine / theirs).toFixed(2)}`,
  )
}
const rows = all
  .toSorted((a, b) => ours(b) - ours(a))
  .slice(0, ROWS)
  .map((subject) => [
    subject.name,
    String(subject.insns),
    ours(subject).toFixed(1),
    ((1000 * ours(subject)) / subject.insns).toFixed(2),
    subject.kernelMs?.toFixed(1) ?? '',
  ])
const right = { align: 'right' } as const
console.log(
  formatTextTable(
    [
      { title: 'program' },
      { title: 'insns', ...right },
      { title: 'ms', ...right },
      { title: 'us/insn', ...right },
      { title: 'kernel ms', ...right },
    ],
    rows,
  ),
)
