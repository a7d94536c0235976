/**
 * Suite `run`: real programs on generated packets, here and in the running kernel's test run, from the same instructions.
 *
 * A case is a program of the corpus that Linux accepts (xdp, sched_cls, socket_filter) and whose helpers exist here, or a
 * program of the examples. Each sees the same 50 packets, one after the other, with the same maps. It agrees if every return
 * value, every packet that comes out and, at the end, the contents of every map are equal. What the two sides cannot share is
 * taken out on both: calls of helpers that read the clock, the random source or the kernel's own hash are replaced by a
 * constant. A packet that the kernel's test run refuses is not run here either.
 *
 * Needs root, python3 and a kernel with bpf(2); without them the suite says so and every case disagrees.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { encodeProgram, type Instruction } from '../../src/isa/index.ts'
import { type Collection, type Program, type RunBase, Runtime } from '../../src/loader/index.ts'
import {
  type LinkedProgram,
  linkProgram,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  parseObject,
} from '../../src/object/index.ts'
import type { PacketInput, PacketOutput } from '../../src/programs/index.ts'
import { bytesToHex, hexToBytes } from '../../src/util/index.ts'
import { generatePackets } from '../../test/support/packets.ts'
import { KernelOracle } from './kernel-oracle.ts'
import { findByRow } from './load.ts'
import type { ScoreCase, ScoreResult } from './main.ts'

const SEED = 20260
const PACKETS = 50
const RUNNABLE = new Set(['xdp', 'sched_cls', 'socket_filter'])
const PROGRAM_TYPE_IDS: Readonly<Record<string, number>> = { socket_filter: 1, sched_cls: 3, xdp: 6 }
const MAX_ENTRIES = 8192

/**
 * Helpers whose answer the two sides cannot share: time, randomness, jiffies, and the kernel's keyed hash of a packet.
 * Their calls become `r0 = CONSTANT`.
 */
const UNSHARED = new Set([5, 7, 34, 118, 125, 160, 208])
const CONSTANT = 123456789

const MAP = { hash: 1, progArray: 3, perfEventArray: 4, percpuHash: 5, percpuArray: 6, ringbuf: 27 } as const
const RDONLY_PROG = 128
const MMAPABLE = 1024

interface Row {
  readonly object: string
  readonly section: string
  readonly function: string
  readonly prog_type: string
  readonly linux: { readonly verdict: string }
}

interface Subject {
  readonly id: string
  readonly spec: ObjectSpec
  readonly program: ProgramSpec
  readonly type: string
}

type KernelMapContents = readonly (readonly [string, string])[] | { readonly records: readonly string[] } | null

interface KernelAnswer {
  readonly error?: string
  readonly log?: string
  readonly runs?: readonly { readonly retval?: number; readonly data?: string; readonly errno?: number }[]
  readonly maps?: readonly KernelMapContents[]
}

export async function score(path: string): Promise<ScoreResult> {
  const subjects: Subject[] = []
  const skipped = new Map<string, string[]>()
  for (const subject of [...exampleSubjects(), ...corpusSubjects(path)]) {
    const reason = whyNotHere(subject)
    if (reason === undefined) subjects.push(subject)
    else skipped.set(reason, [...(skipped.get(reason) ?? []), subject.id])
  }
  for (const [reason, ids] of skipped) console.log(`not a case, ${reason}: ${ids.length}`)

  const packets = generatePackets(SEED, PACKETS)
  const kernel = new Kernel()
  const cases: ScoreCase[] = []
  for (const subject of subjects) cases.push(await judge(subject, packets, kernel))
  kernel.close()
  const { runs, refused, verdicts, changed } = kernel.tally
  console.log(
    `the kernel ran ${runs} packets and refused ${refused}; ${verdicts} programs gave it more than one return value, ` +
      `${changed} changed a packet`,
  )
  return { cases }
}

function* exampleSubjects(): Generator<Subject> {
  const root = fileURLToPath(new URL('../../examples/', import.meta.url))
  for (const folder of readdirSync(root, { withFileTypes: true })) {
    // The rejections are there to be refused.
    if (!folder.isDirectory() || folder.name === 'rejections') continue
    for (const file of readdirSync(join(root, folder.name))) {
      if (!file.endsWith('.el.o')) continue
      const object = readFileSync(join(root, folder.name, file))
      for (const program of Object.values(parseObject(object).programs)) {
        const spec = parseObject(object)
        yield {
          id: `examples/${file} ${program.name}`,
          spec,
          program: spec.programs[program.name]!,
          type: program.type,
        }
      }
    }
  }
}

function* corpusSubjects(path: string): Generator<Subject> {
  const rows = JSON.parse(readFileSync(join(path, 'verdicts.json'), 'utf8')) as Row[]
  for (const row of rows) {
    if (row.linux.verdict !== 'accept' || !RUNNABLE.has(row.prog_type)) continue
    const spec = parseObject(readFileSync(join(path, row.object)))
    const program = findByRow(row, Object.values(spec.programs))
    if (program === undefined) throw new Error(`${row.object}: no program ${row.function} in section ${row.section}`)
    yield { id: `${row.object} ${row.section} ${row.function}`, spec, program, type: row.prog_type }
  }
}

/** Why a program is not a case; undefined if it is one. */
function whyNotHere({ spec, program }: Subject): string | undefined {
  const linked = linkProgram(spec, program)
  if (spec.byteOrder === 'big') return 'it is big-endian'
  const runtime = new Runtime()
  try {
    for (const insn of linked.insns) {
      if (insn.kind !== 'call' || insn.target !== 'helper') continue
      if (!runtime.machine.helpers.has(insn.imm)) {
        return `no helper ${runtime.platform.helpers.get(insn.imm)?.name ?? insn.imm} here`
      }
    }
    for (const reference of linked.references) {
      if (reference.kind === 'ksym' || reference.kind === 'kfunc') return `it wants kernel symbols`
      const map = spec.maps[reference.map]!
      if (!runtime.canCreate(map)) {
        return `no map type ${runtime.platform.mapTypes.get(map.type)?.name ?? map.type} here`
      }
    }
  } finally {
    runtime.dispose()
  }
  return undefined
}

/** How programs run here, each of which has to do as the kernel does. */
const WAYS = ['interpreter', 'jit', 'jit, in a batch'] as const

async function judge(subject: Subject, packets: readonly Uint8Array[], kernel: Kernel): Promise<ScoreCase> {
  const expected = 'as the kernel'
  const { id, spec, program, type } = subject
  prepareSpec(spec)
  for (const one of Object.values(spec.programs)) if (one === program || one.type === 'unspec') one.type = type
  leaveOutTargets(subject)
  let request: KernelRequest | undefined
  let answer: KernelAnswer | undefined
  for (const way of WAYS) {
    const runtime = new Runtime()
    try {
      const engine = way === 'interpreter' ? way : 'jit'
      const collection = runtime.load(spec, { programs: [program.name], kconfig: KERNEL_CONFIG, engine })
      if (request === undefined) {
        request = new KernelRequest(subject, packets, (map) => collection.maps[map]!.getBytes(0)!)
        answer = await kernel.ask<KernelAnswer>(request.message)
        if (answer.runs !== undefined) kernel.count(answer.runs, packets)
      }
      if (answer!.error !== undefined || answer!.runs === undefined) {
        return { id, expected, actual: `no answer: ${answer!.error}`, agree: false, note: answer!.log ?? '' }
      }
      const live = collection.programs[program.name]!
      const compare = way === 'jit, in a batch' ? compareBatch : compareRuns
      const difference = compare(live, packets, answer!.runs) ?? compareMaps(collection, request, answer!)
      if (difference !== undefined) return { id, expected, actual: `${way}: ${difference}`, agree: false }
    } catch (error) {
      return { id, expected, actual: `${way}: ${error}`, agree: false }
    } finally {
      runtime.dispose()
    }
  }
  return { id, expected, actual: expected, agree: true }
}

/** What the running kernel was built with: the values of `.kconfig` externs. */
const KERNEL_CONFIG: Readonly<Record<string, unknown>> = readKernelConfig('/proc/config.gz')

function readKernelConfig(file: string): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null)
  if (!existsSync(file)) return values
  for (const line of gunzipSync(readFileSync(file)).toString().split('\n')) {
    const match = /^(CONFIG_\w+)=(?:"(.*)"|(.*))$/.exec(line)
    if (match === null) continue
    const [, name, text, plain] = match
    values[name!] = text ?? (/^-?\d+$/.test(plain!) ? Number(plain) : plain)
  }
  return values
}

/** What both sides run: bounded maps, and constants in place of what they cannot share. */
function prepareSpec(spec: ObjectSpec): void {
  for (const map of Object.values(spec.maps)) {
    if (map.maxEntries === 0) map.maxEntries = map.type === MAP.ringbuf ? 4096 : 1
    if (map.type === MAP.hash || map.type === MAP.percpuHash) map.maxEntries = Math.min(map.maxEntries, MAX_ENTRIES)
  }
  for (const one of [...Object.values(spec.programs), ...Object.values(spec.functions)]) {
    one.insns.forEach((insn, slot) => {
      if (insn.kind !== 'call' || insn.target !== 'helper' || !UNSHARED.has(insn.imm)) return
      one.insns[slot] = { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { imm: CONSTANT } }
    })
  }
}

/** Program arrays hold on neither side what cannot be run here: a tail call of it fails, as of an empty slot. */
function leaveOutTargets(subject: Subject): void {
  const { spec } = subject
  for (const map of Object.values(spec.maps)) {
    if (map.initialSlots === undefined) continue
    map.initialSlots = map.initialSlots.filter(({ target }) => {
      if (target.kind !== 'program') return true
      const program = spec.programs[target.program]
      if (program === undefined || whyNotHere({ ...subject, program }) !== undefined) return false
      // Sections that name no type are of the one that tail-calls them.
      program.type = subject.type
      return true
    })
  }
}

/** One program, what it may tail-call, and all their maps, as the kernel oracle wants them. */
class KernelRequest {
  readonly message: object
  /** Names of maps in the order of the request. */
  readonly mapNames: string[] = []
  private readonly maps: Record<string, unknown>[] = []
  private readonly programs: object[] = []
  private readonly programNumbers = new Map<string, number>()
  private readonly spec: ObjectSpec
  private readonly initialContents: (map: string) => Uint8Array

  constructor(subject: Subject, packets: readonly Uint8Array[], initialContents: (map: string) => Uint8Array) {
    this.initialContents = initialContents
    this.spec = subject.spec
    const program = this.programNumber(subject.program, subject.type)
    this.message = {
      maps: this.maps,
      programs: this.programs,
      run: { program, packets: packets.map((packet) => bytesToHex(packet)) },
      dump: true,
    }
  }

  private programNumber(program: ProgramSpec, type: string): number {
    const known = this.programNumbers.get(program.name)
    if (known !== undefined) return known
    const number = this.programs.length
    this.programNumbers.set(program.name, number)
    const entry: Record<string, unknown> = { type: PROGRAM_TYPE_IDS[type]!, license: this.spec.license || 'GPL' }
    this.programs.push(entry)
    const linked = linkProgram(this.spec, program)
    const { insns, fixups } = this.relocate(linked, type)
    entry['insns'] = bytesToHex(encodeProgram(insns, 'little'))
    entry['fixups'] = fixups
    return number
  }

  private relocate(linked: LinkedProgram, type: string): { insns: Instruction[]; fixups: object[] } {
    const insns = linked.insns.slice()
    const fixups: object[] = []
    for (const reference of linked.references) {
      if (reference.kind !== 'map' && reference.kind !== 'map_value') continue
      const insn = insns[reference.slot]
      if (insn?.kind !== 'lddw') throw new Error(`no wide load at ${reference.slot}`)
      const offset = reference.kind === 'map' ? 0 : reference.offset
      const source = reference.kind === 'map' ? 'map_fd' : 'map_value'
      insns[reference.slot] = { kind: 'lddw', source, dst: insn.dst, imm: 0, imm2: offset }
      fixups.push({ slot: reference.slot, map: this.mapNumber(reference.map, type) })
    }
    return { insns, fixups }
  }

  private mapNumber(name: string, type: string): number {
    const known = this.mapNames.indexOf(name)
    if (known >= 0) return known
    const number = this.mapNames.length
    this.mapNames.push(name)
    const map = this.spec.maps[name]!
    const entry = kernelMap(map)
    if (map.kind !== 'map') {
      entry['flags'] = map.flags & ~MMAPABLE
      entry['initial'] = [[littleEndian32(0), bytesToHex(this.initialContents(name))]]
      entry['frozen'] = (map.flags & RDONLY_PROG) !== 0
    }
    this.maps.push(entry)
    const inner: [string, number][] = []
    const programs: [number, number][] = []
    for (const slot of map.initialSlots ?? []) {
      if (slot.target.kind === 'map') inner.push([littleEndian32(slot.index), this.mapNumber(slot.target.map, type)])
      else programs.push([slot.index, this.programNumber(this.spec.programs[slot.target.program]!, type)])
    }
    entry['innerMaps'] = inner
    entry['programs'] = programs
    return number
  }
}

function littleEndian32(value: number): string {
  return bytesToHex(Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24))
}

function kernelMap(map: MapSpec): Record<string, unknown> {
  const entry: Record<string, unknown> = {
    type: map.type,
    key: map.keySize,
    value: map.type === MAP.ringbuf ? 0 : map.valueSize,
    entries: map.maxEntries,
    flags: map.flags,
  }
  if (map.innerMap !== undefined) entry['inner'] = kernelMap(map.innerMap)
  return entry
}

type Runs = NonNullable<KernelAnswer['runs']>
type PacketProgram = Program<PacketInput, PacketOutput>

function compareRuns(program: PacketProgram, packets: readonly Uint8Array[], runs: Runs): string | undefined {
  if (runs.every((run) => run.errno !== undefined)) return 'nothing to compare: the kernel refused every packet'
  for (const [i, packet] of packets.entries()) {
    if (runs[i]!.errno !== undefined) continue
    const difference = compareRun(program.run(packet), runs[i]!, i)
    if (difference !== undefined) return difference
  }
  return undefined
}

/** Packets that the kernel refused are no part of the batch. */
function compareBatch(program: PacketProgram, packets: readonly Uint8Array[], runs: Runs): string | undefined {
  const taken = [...packets.keys()].filter((i) => runs[i]!.errno === undefined)
  const batch = program.runBatch(taken.map((i) => packets[i]!))
  for (const [at, i] of taken.entries()) {
    const difference = compareRun(batch.result(at), runs[i]!, i)
    if (difference !== undefined) return difference
  }
  return undefined
}

function compareRun(ours: PacketOutput & RunBase, theirs: Runs[number], packet: number): string | undefined {
  if (ours.retval !== theirs.retval) return `packet ${packet}: returned ${ours.retval}, the kernel ${theirs.retval}`
  // The kernel's test run of an XDP program gives back what begins at `data_meta`.
  const data = bytesToHex(ours.metadata ?? new Uint8Array(0)) + bytesToHex(ours.packet)
  return data === theirs.data ? undefined : `packet ${packet}: out ${differenceOf(data, theirs.data!)}`
}

function differenceOf(ours: string, theirs: string): string {
  if (ours.length !== theirs.length) return `has ${ours.length / 2} bytes, the kernel's ${theirs.length / 2}`
  let at = 0
  while (ours[at] === theirs[at]) at++
  const byte = at >> 1
  return `differs at byte ${byte}: ${ours.slice(2 * byte, 2 * byte + 16)}, the kernel's ${theirs.slice(2 * byte, 2 * byte + 16)}`
}

function compareMaps(collection: Collection, request: KernelRequest, answer: KernelAnswer): string | undefined {
  for (const [number, name] of request.mapNames.entries()) {
    const theirs = answer.maps![number]
    if (theirs === null || theirs === undefined) continue
    const map = collection.maps[name]!
    if (!Array.isArray(theirs)) {
      const expected = (theirs as { records: string[] }).records
      for (const [at, record] of expected.entries()) {
        const own = map.readRecord()
        if (own === undefined) return `map ${name}: ${at} records, the kernel ${expected.length}`
        const bytes = bytesToHex(own.bytes)
        if (bytes !== record) return `map ${name}: record ${at} ${differenceOf(bytes, record)}`
      }
      if (map.readRecord() !== undefined) return `map ${name}: more records than the kernel's ${expected.length}`
      continue
    }
    if (map.size !== theirs.length) return `map ${name}: ${map.size} entries, the kernel ${theirs.length}`
    for (const [key, value] of theirs as [string, string][]) {
      const own = map.getBytes(hexToBytes(key))
      if (own === undefined) return `map ${name}: no key ${key}`
      const bytes = bytesToHex(own)
      if (bytes !== value) return `map ${name}: value of ${key} ${differenceOf(bytes, value)}`
    }
  }
  return undefined
}

/** The oracle, and how much there was to compare: a program that always does the same shows little. */
class Kernel extends KernelOracle {
  readonly tally = { runs: 0, refused: 0, verdicts: 0, changed: 0 }

  count(runs: NonNullable<KernelAnswer['runs']>, packets: readonly Uint8Array[]): void {
    const done = runs.filter((run) => run.errno === undefined)
    this.tally.runs += done.length
    this.tally.refused += runs.length - done.length
    if (new Set(done.map((run) => run.retval)).size > 1) this.tally.verdicts++
    const changes = (run: (typeof runs)[number], i: number): boolean =>
      run.errno === undefined && run.data?.endsWith(bytesToHex(packets[i]!.subarray(14))) === false
    if (runs.some(changes)) this.tally.changed++
  }
}
