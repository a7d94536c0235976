/**
 * libbpf's log of CO-RE relocations, recorded (`scripts/build-core-objects.sh --record`) or asked for now, and the same as
 * this library would write it.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Btf, type CoreResolution, coreRelocationKind, formatCoreSpec } from '../../src/btf/index.ts'
import type { Instruction } from '../../src/isa/index.ts'
import { patchCoreInstruction } from '../../src/object/core-patch.ts'
import { CoreRelocations, type ObjectSpec, type ResolvedCoreRelocation } from '../../src/object/index.ts'
import { AnybpfError } from '../../src/util/index.ts'

export const DIRECTORY = import.meta.dirname

/** One object with one target; `program`: `*`, or the only one that was loaded. */
export interface LoggedObject {
  readonly object: string
  readonly target: string
  readonly program: string
  readonly lines: readonly string[]
}

export function recordedLog(): readonly LoggedObject[] {
  return readLog(gunzipSync(readFileSync(join(DIRECTORY, 'libbpf.log.gz'))).toString('utf8'))
}

function readLog(text: string): readonly LoggedObject[] {
  const objects: (LoggedObject & { lines: string[] })[] = []
  for (const line of text.split('\n')) {
    const head = /^== (\S+) (\S+) (.+)$/.exec(line)
    if (head !== null) objects.push({ object: head[1]!, target: head[2]!, program: head[3]!, lines: [] })
    else objects.at(-1)?.lines.push(...normalize(line.replace(/^libbpf: /, '')))
  }
  return objects
}

/**
 * How far a candidate that does not match was followed says nothing; what an error is called, its reader decides. An error
 * ends the log.
 */
export function normalize(line: string): string[] {
  const [, prog, text] = /^prog '(.*)': relo #\d+: (.*)$/.exec(line) ?? []
  // What is said of sections concerns other relocations.
  if (prog === undefined || text === undefined) return []
  if (
    /ambiguity|^unexpected insn|accesses field incorrectly|value too big|unexpected mem size|invalid new mem/.test(text)
  )
    return []
  if (text.startsWith('failed to ')) return [`${line.slice(0, -text.length)}failed`]
  if (!text.startsWith('non-matching')) return [line]
  return [line.replace(/(<\w+> \[\d+\] \S+ [A-Za-z_0-9]+).*$/, '$1')]
}

/** Why libbpf cannot be asked now; empty if it can. The oracle is compiled once and given pairs of files. */
export function askLibbpf(pairs: readonly (readonly [object: string, target: string])[]): {
  readonly unavailable: string
  readonly version?: string
  readonly objects: readonly LoggedObject[]
} {
  if (process.getuid?.() !== 0) return { unavailable: 'loading programs needs root', objects: [] }
  if (!existsSync('/sys/kernel/btf/vmlinux')) return { unavailable: 'no kernel shows its types here', objects: [] }
  const directory = mkdtempSync(join(tmpdir(), 'anybpf-core-'))
  try {
    const oracle = join(directory, 'oracle')
    const source = join(DIRECTORY, '..', '..', 'scripts', 'core', 'libbpf-oracle.c')
    const compiled = spawnSync('cc', ['-O1', '-o', oracle, source, '-lbpf', '-lelf', '-lz'], { encoding: 'utf8' })
    if (compiled.status !== 0) return { unavailable: 'there is no C compiler with libbpf', objects: [] }
    const input = pairs.map((pair) => `${pair.join(' ')}\n`).join('')
    const run = spawnSync(oracle, [], { input, encoding: 'utf8', cwd: DIRECTORY, maxBuffer: 2 ** 28 })
    if (run.status !== 0) return { unavailable: `the oracle failed: ${run.stderr}`, objects: [] }
    return { unavailable: '', version: /^libbpf (\S+)/.exec(run.stdout)?.[1] ?? '', objects: readLog(run.stdout) }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** What libbpf would log, had it done what this library does. */
export function ourLog(spec: ObjectSpec, target: Btf, program: string): string[] {
  const names = Object.values(spec.programs).map(({ name }) => name)
  const autoload = names.filter((name) => spec.programs[name]!.autoload)
  const core = new CoreRelocations(spec, target, { programs: program === '*' ? autoload : [program] })
  const firstOf = new Map<string, number>()
  for (const { section, coreRelocations } of [...Object.values(spec.programs), ...Object.values(spec.functions)]) {
    for (const { index } of coreRelocations) firstOf.set(section, Math.min(index, firstOf.get(section) ?? index))
  }
  const lines: string[] = []
  for (const one of core.all()) {
    const number = one.record.index - firstOf.get(one.function.section)!
    const say = (text: string): number =>
      lines.push(...normalize(`prog '${one.function.name}': relo #${number}: ${text}`))
    if (!log(one, say)) break
  }
  return lines
}

/** False if it failed, and the object with it. */
function log({ function: spec, record, outcome }: ResolvedCoreRelocation, say: (text: string) => unknown): boolean {
  if (outcome instanceof AnybpfError) {
    say(`failed to relocate: ${outcome.message}`)
    return false
  }
  say(formatCoreSpec(outcome.local))
  outcome.candidates.forEach(({ matches, spec: candidate }, i) => {
    say(`${matches ? 'matching' : 'non-matching'} candidate #${i} ${formatCoreSpec(candidate)}`)
  })
  const isLocal = coreRelocationKind(record.kind)?.name === 'local_type_id'
  if (!isLocal && !outcome.candidates.some(({ matches }) => matches)) say('no matching targets found')
  const insns = spec.insns.slice()
  const before = insns[record.slot]!
  try {
    const poisoned = patchCoreInstruction(insns, record.slot, outcome)
    if (poisoned && before.kind === 'lddw') say(`substituting insn #${record.slot + 1} w/ invalid insn`)
    if (poisoned) say(`substituting insn #${record.slot} w/ invalid insn`)
    else for (const text of patched(record.slot, before, insns[record.slot]!, outcome)) say(text)
    return true
  } catch (error) {
    if (!(error instanceof AnybpfError)) throw error
    say(`failed to patch insn: ${error.message}`)
    return false
  }
}

function patched(
  slot: number,
  before: Instruction,
  after: Instruction,
  { value, size, originalSize }: CoreResolution,
): string[] {
  const unsigned = (number: number | bigint): bigint => BigInt.asUintN(64, BigInt(number))
  if (before.kind === 'alu' && after.kind === 'alu' && 'imm' in before.src && 'imm' in after.src) {
    // What is there now is the lower half of what libbpf says.
    if (BigInt.asIntN(32, value) !== BigInt(after.src.imm)) return ['another immediate was put in']
    return [`patched insn #${slot} (ALU/ALU64) imm ${unsigned(before.src.imm)} -> ${value}`]
  }
  if (before.kind === 'lddw' && after.kind === 'lddw') {
    const wide = (one: typeof before): bigint => unsigned((BigInt(one.imm2) << 32n) | BigInt(one.imm >>> 0))
    return [`patched insn #${slot} (LDIMM64) imm64 ${wide(before)} -> ${wide(after)}`]
  }
  if ('off' in before && 'off' in after && 'size' in before && 'size' in after) {
    const line = `patched insn #${slot} (LDX/ST/STX) off ${before.off} -> ${after.off}`
    if (size === originalSize) return [line]
    return [line, `patched insn #${slot} (LDX/ST/STX) mem_sz ${before.size} -> ${after.size}`]
  }
  return [`patched insn #${slot}: a ${before.kind} became a ${after.kind}`]
}
