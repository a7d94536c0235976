/**
 * Suite `mutants`: programs that the kernel accepts, each with one small mistake, against the verdict of the running
 * kernel. What structural checks catch is left out: the question is what a program does, not whether it is well formed.
 *
 * Needs root. Options: `--count=N` (default 6,000), `--seed=N`.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VerifyInput } from '../../src/loader/verify-input.ts'
import { type ProgramSpec, parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { SeededRandom } from '../../src/util/index.ts'
import type { VerifierMap, VerifierProgram, VerifierReference, VerifyOptions } from '../../src/verifier/program.ts'
import { REJECTION_CODES } from '../../src/verifier/report/codes.ts'
import { verify } from '../../src/verifier/verify.ts'
import { KernelOracle } from './kernel-oracle.ts'
import { type KernelVerdict, kernelQuestion, mapsOf } from './kernel-question.ts'
import { findByRow } from './load.ts'
import type { ScoreCase, ScoreOptions, ScoreResult } from './main.ts'
import { mutate } from './mutations.ts'
import { readKernelBtf } from './test-verifier.ts'
import { caseProgram, readVerifierCorpus } from './verifier-corpus.ts'

const COUNT = 6000
const SEED = 618
/** Programs that take the kernel longer are left out: there are many mutants to ask about. */
const MAX_PROCESSED = 4000
const PLATFORM = linux('6.18')
const LOAD_FLAGS = { strict: 1, any: 2 } as const
const TEST_STATE_FREQUENCY = 8

/** A program that the kernel accepts. */
interface Original {
  readonly id: string
  readonly program: VerifierProgram
  readonly flags: number
}

export async function score(path: string, options: ScoreOptions): Promise<ScoreResult> {
  const count = Number(options['count'] ?? COUNT)
  const seed = Number(options['seed'] ?? SEED)
  const kernel = new KernelOracle()
  if (kernel.unavailable !== undefined) console.log(`mutants: skipped, ${kernel.unavailable}`)
  const originals = [...corpusCases(join(path, '..', 'test_verifier.json')), ...corpusObjects(path)]
  console.log(`${originals.length} programs, seed ${seed}`)
  const random = new SeededRandom(seed)
  const cases: ScoreCase[] = []
  const kinds = new Map<string, number>()
  const tally = { malformed: 0, kept: 0, unasked: 0 }
  const seen = new Set<string>()
  while (cases.length < count && kernel.unavailable === undefined) {
    const original = random.pick(originals)
    const mutation = mutate(original.program.insns, random, new Set(original.program.references?.keys()))
    if (mutation === undefined) continue
    const id = `${original.id}: ${mutation.what}`
    if (seen.has(id)) continue
    seen.add(id)
    const program = { ...original.program, insns: mutation.insns }
    const report = verify(program, PLATFORM, { ...optionsOf(original), explain: false })
    const { error } = report
    const category = error === undefined ? undefined : REJECTION_CODES[error.code]
    if (report.stats.insnsProcessed === 0 || category === 'structure') {
      tally.malformed++
      continue
    }
    const verdict = await kernel.ask<KernelVerdict>(kernelQuestion(program, PLATFORM, { flags: original.flags }))
    if (verdict.error !== undefined) {
      tally.unasked++
      continue
    }
    kinds.set(mutation.kind, (kinds.get(mutation.kind) ?? 0) + 1)
    if (verdict.accepted) tally.kept++
    cases.push(compare(id, report.verdict === 'accept', error?.message, verdict))
    if (cases.length % 500 === 0 && process.stderr.isTTY) process.stderr.write(`\r${cases.length} of ${count}`)
  }
  kernel.close()
  printSummary(cases, kinds, tally)
  return { cases }
}

const KERNEL_BTF = readKernelBtf()

function optionsOf({ flags }: Original): VerifyOptions {
  return {
    ...(KERNEL_BTF !== undefined && { kernelBtf: KERNEL_BTF }),
    alignment: (flags & (LOAD_FLAGS.strict | LOAD_FLAGS.any)) === LOAD_FLAGS.strict ? 'strict' : 'any',
    testStateFrequency: (flags & TEST_STATE_FREQUENCY) !== 0,
  }
}

function compare(id: string, accepted: boolean, message: string | undefined, verdict: KernelVerdict): ScoreCase {
  const reason = verdict.log?.filter((line) => !/^(verification time|stack depth|processed) /.test(line)).at(-1)
  return {
    id,
    expected: verdict.accepted ? 'ACCEPT' : 'REJECT',
    actual: accepted ? 'ACCEPT' : 'REJECT',
    agree: accepted === (verdict.accepted === true),
    ...(accepted === (verdict.accepted === true) ? {} : { note: accepted ? `kernel: ${reason}` : `ours: ${message}` }),
  }
}

function printSummary(
  cases: readonly ScoreCase[],
  kinds: ReadonlyMap<string, number>,
  tally: { readonly malformed: number; readonly kept: number; readonly unasked: number },
): void {
  const words = [...kinds].sort((a, b) => b[1] - a[1]).map(([kind, n]) => `${kind} ${n}`)
  console.log(`kinds: ${words.join(', ')}`)
  console.log(`left out: ${tally.malformed} malformed, ${tally.unasked} that could not be put to the kernel`)
  console.log(`the kernel accepts ${tally.kept} of ${cases.length} mutants`)
  const unsafe = cases.filter(({ agree, actual }) => !agree && actual === 'ACCEPT')
  console.log(`accepted here, rejected by the kernel: ${unsafe.length}`)
  for (const { id, note } of unsafe) console.log(`  ${id} (${note})`)
}

function* corpusCases(file: string): Generator<Original> {
  const corpus = readVerifierCorpus(file)
  for (const test of corpus.tests) {
    if (test.linux618.verdict !== 'ACCEPT' || (test.linux618.insns_processed ?? 0) > MAX_PROCESSED) continue
    // What needs the types of a program or a kernel is not asked for here.
    if (test.btf !== undefined || test.attach_func !== null || (test.kfunc_fixups ?? []).length > 0) continue
    const program = caseProgram(corpus, test)
    if (mapsOf(program).some((map) => map.btf !== undefined) || (program.invalid?.size ?? 0) > 0) continue
    yield { id: test.id, program, flags: test.load_flags }
  }
}

interface VerdictRow {
  readonly object: string
  readonly section: string
  readonly function: string
  readonly prog_type: string | null
  readonly insns: number | null
  readonly linux: { readonly verdict: string; readonly processed_insns: number | null }
}

function* corpusObjects(path: string): Generator<Original> {
  const rows = JSON.parse(readFileSync(join(path, 'verdicts.json'), 'utf8')) as VerdictRow[]
  for (const row of rows) {
    const { verdict, processed_insns } = row.linux
    if (verdict !== 'accept' || (processed_insns ?? 0) > MAX_PROCESSED) continue
    const program = describe(path, row)
    if (program === undefined) continue
    const { btf: _, functions: __, ...bare } = program
    if (mapsOf(bare).some((map) => NEEDS_TYPES.has(map.type))) continue
    yield { id: `${row.object} ${row.section} ${row.function}`, program: { ...bare, license: 'GPL' }, flags: 0 }
  }
}

/** Storage maps, struct_ops, arenas: the kernel makes them with BTF or a mapping only. */
const NEEDS_TYPES: ReadonlySet<number> = new Set([24, 26, 28, 29, 32, 33])
const TYPED_PROGRAMS: ReadonlySet<string> = new Set(['tracing', 'lsm', 'struct_ops', 'ext', 'unspec'])

function describe(path: string, row: VerdictRow): VerifierProgram | undefined {
  try {
    const spec = parseObject(readFileSync(join(path, row.object)))
    for (const map of Object.values(spec.maps)) if (map.maxEntries === 0 && map.type !== 24) map.maxEntries = 8
    const found = findByRow<ProgramSpec>(row, Object.values(spec.programs))
    if (found === undefined || spec.byteOrder !== 'little' || found.coreRelocations.length > 0) return undefined
    const program = new VerifyInput(spec, PLATFORM, {}).program(found)
    const type = program.type === 'unspec' ? (row.prog_type ?? 'unspec') : program.type
    if (TYPED_PROGRAMS.has(type) || !PLATFORM.programTypes.has(type)) return undefined
    // Callbacks and externs need BTF.
    if (program.insns.some((insn) => insn.kind === 'lddw' && insn.source === 'code_addr')) return undefined
    for (const reference of program.references?.values() ?? []) {
      if (reference.kind === 'kfunc' || reference.kind === 'ksym') return undefined
    }
    return { ...withoutTypes(program), type, sleepable: false }
  } catch {
    return undefined
  }
}

/** The maps without BTF, and smaller: a mutant is loaded, not run. */
function withoutTypes(program: VerifierProgram): VerifierProgram {
  const bare = new Map<VerifierMap, VerifierMap>()
  const references = new Map<number, VerifierReference>()
  for (const [slot, reference] of program.references ?? []) {
    if (reference.kind !== 'map' && reference.kind !== 'map_value') continue
    let map = bare.get(reference.map)
    if (map === undefined) {
      map = bareMap(reference.map)
      bare.set(reference.map, map)
    }
    references.set(slot, { ...reference, map })
  }
  return { ...program, references }
}

const PREALLOCATED: ReadonlySet<number> = new Set([1, 5, 9, 10])

function bareMap({
  btf: _,
  btfKeyType: __,
  btfValueType: ___,
  variables: ____,
  inner,
  ...map
}: VerifierMap): VerifierMap {
  const maxEntries = PREALLOCATED.has(map.type) ? Math.min(map.maxEntries, 64) : map.maxEntries
  return { ...map, maxEntries, ...(inner !== undefined && { inner: bareMap(inner) }) }
}
