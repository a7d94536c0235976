/**
 * Objects to link (`test/objects/link`), and what a linked one is and does, as data: two linkers agree if this is the same.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BtfBuilder } from '../../src/btf/index.ts'
import { parseElf, SECTION_TYPE } from '../../src/elf/index.ts'
import { Runtime, verifyObject } from '../../src/loader/index.ts'
import { BpfMap, toJson } from '../../src/maps/index.ts'
import { type FunctionSpec, type LinkInput, type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { bytesToHex, isAnybpfError } from '../../src/util/index.ts'
import type { Order } from './objects.ts'

export const LINK_FOLDER = join(import.meta.dirname, '..', 'objects', 'link')

export const RECORDED = join(LINK_FOLDER, 'bpftool.jsonl')

/** Pairs that bpftool links, too. */
export const PAIRS = [
  'calls',
  'data',
  'strong',
  'weak',
  'hidden',
  'maps',
  'kconfig',
  'strings',
  'core',
  'align',
  'callbacks',
  'ksyms',
] as const

/** Of those, the ones that are there in big-endian form. */
export const BIG_PAIRS = ['calls', 'data', 'maps', 'core', 'callbacks'] as const

/** Objects of these names, as inputs with short names. */
export function linkInputs(names: readonly string[], order: Order = 'el'): LinkInput[] {
  return names.map((name) => {
    const bytes = new Uint8Array(readFileSync(join(LINK_FOLDER, `${name}.${order}.o`)))
    return { name: `${name}.o`, bytes }
  })
}

/** The two files of a pair. */
export function pairInputs(name: string, order: Order = 'el'): LinkInput[] {
  return linkInputs([`${name}-a`, `${name}-b`], order)
}

/** The same files, linked by bpftool; throws what it says if it does not. */
export function linkByBpftool(inputs: readonly LinkInput[]): Uint8Array {
  return withFiles(inputs, (folder, paths) => {
    const output = join(folder, 'linked.out')
    const { status, stderr } = spawnSync('bpftool', ['gen', 'object', output, ...paths], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr.trim())
    return new Uint8Array(readFileSync(output))
  })
}

export function hasBpftool(): boolean {
  return spawnSync('bpftool', ['version']).status === 0
}

export function withFiles<T>(inputs: readonly LinkInput[], work: (folder: string, paths: string[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'anybpf-link-'))
  try {
    const paths = inputs.map(({ name, bytes }) => {
      const path = join(folder, name)
      writeFileSync(path, bytes)
      return path
    })
    return work(folder, paths)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const PACKET = Uint8Array.from({ length: 61 }, (_, i) => i)
const CONFIGURATION = { CONFIG_OF_A: 1000, CONFIG_OF_B: 10_000, CONFIG_SHARED: 'y' }

/** Kernel types in which the fields that the pair `core` asks for lie elsewhere. */
function otherKernel() {
  const builder = new BtfBuilder()
  const int = builder.int('int', 4, { signed: true })
  const pointer = builder.ptr(0)
  builder.struct('task_struct', 80, [
    { name: 'tgid', type: int, bitOffset: 96 },
    { name: 'pid', type: int, bitOffset: 256 },
    { name: 'stack', type: pointer, bitOffset: 512 },
  ])
  builder.enum('bpf_map_type', [
    { name: 'BPF_MAP_TYPE_HASH', value: 1 },
    { name: 'BPF_MAP_TYPE_ARRAY', value: 2 },
  ])
  return builder.build()
}

/** What bpftool made of each pair, by name: a line of `bpftool.jsonl`, which `scripts/record-links.ts` writes. */
export function recordedBehaviour(): ReadonlyMap<string, unknown> {
  const lines = readFileSync(RECORDED, 'utf8').trim().split('\n')
  return new Map(lines.map((line) => JSON.parse(line) as [string, unknown]))
}

/** What an object declares, apart from bytes, in which byte orders differ. */
export function declarationsOf(bytes: Uint8Array): unknown {
  return JSON.parse(JSON.stringify(shapeOf(parseObject(bytes))))
}

/** What an object is, and what its programs do. */
export function behaviourOf(bytes: Uint8Array): unknown {
  const spec = parseObject(bytes)
  return JSON.parse(
    JSON.stringify({
      sections: contentsOf(bytes),
      ...shapeOf(spec),
      verdicts: verdictsOf(bytes),
      runs: runsOf(bytes),
      elsewhere: runsOf(bytes, otherKernel()),
    }),
  )
}

/** Bytes of every section that two linkers have to agree on: all but tables, and what BTF says. */
function contentsOf(bytes: Uint8Array): Record<string, string> {
  const elf = parseElf(bytes)
  const kept = elf.sections.filter(
    ({ type, name }) => (type === SECTION_TYPE.progbits && !name.startsWith('.BTF')) || type === SECTION_TYPE.nobits,
  )
  const entries = kept.map((section) => {
    const data = section.type === SECTION_TYPE.nobits ? `${section.size} bytes` : bytesToHex(elf.data(section))
    return [section.name, `${section.alignment}: ${data}`] as const
  })
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function shapeOf(spec: ObjectSpec) {
  const describe = (type: number | undefined): string | undefined =>
    type === undefined ? undefined : spec.btf?.describe(type)
  const shape = ({ btfType, ...one }: FunctionSpec) => ({
    name: one.name,
    section: one.section,
    slot: one.sectionSlot,
    linkage: one.linkage,
    hidden: one.hidden,
    type: btfType === undefined ? undefined : prototypeOf(spec, btfType),
    references: one.references,
    lines: one.lines.map(({ slot, file, line, text }) => `${slot} ${file}:${line} ${text.trim()}`),
    core: one.coreRelocations.map(({ slot, type, access, kind }) => `${slot} ${describe(type)} ${access} ${kind}`),
    problem: one.problem?.message,
  })
  return {
    license: spec.license,
    problems: spec.problems.map(({ message }) => message),
    programs: Object.values(spec.programs).map(shape),
    functions: Object.values(spec.functions).map(shape),
    externs: Object.values(spec.externs)
      .map(({ name, weak, btfType }) => ({ name, weak, type: describe(btfType) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    maps: Object.values(spec.maps)
      .map((map) => ({
        name: map.name,
        kind: map.kind,
        sizes: [map.type, map.keySize, map.valueSize, map.maxEntries, map.flags],
        key: describe(map.btfKeyType),
        value: describe(map.btfValueType),
        inner: map.innerMap && [map.innerMap.type, map.innerMap.keySize, map.innerMap.valueSize],
        slots: map.initialSlots,
        pointers: map.pointers,
        variables: map.variables?.map((one) => ({ ...one, btfType: describe(one.btfType) })),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

/** `int (int value, struct pair *pair)`. */
function prototypeOf({ btf }: ObjectSpec, id: number): string {
  const declared = btf!.type(id)
  const prototype = declared.kind === 'func' ? btf!.type(declared.type) : declared
  if (prototype.kind !== 'func_proto') return prototype.kind
  const params = prototype.params.map(({ name, type }) => `${btf!.describe(type)} ${name}`)
  return `${btf!.describe(prototype.returnType)} (${params.join(', ')})`
}

function verdictsOf(bytes: Uint8Array): unknown {
  return verifyObject(bytes, linux()).map(({ name, verdict }) => `${name}: ${verdict}`)
}

function runsOf(bytes: Uint8Array, targetBtf?: ReturnType<typeof otherKernel>): unknown {
  const spec = parseObject(bytes)
  const runtime = new Runtime({ platform: linux() })
  try {
    const options = { verify: false, kconfig: CONFIGURATION, ksyms: { bpf_prog_active: 0 } }
    const collection = runtime.load(spec, targetBtf === undefined ? options : { ...options, targetBtf })
    // Twice, for what they leave in maps and in global data.
    const results = [1, 2].map(() =>
      Object.values(collection.programs).map((program) => [program.name, attempt(() => program.run(PACKET).retval)]),
    )
    const maps = Object.entries(collection.maps).map(([name, map]) => [name, attempt(() => entriesOf(map))])
    collection.dispose()
    return { results, maps: Object.fromEntries(maps.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))) }
  } catch (error) {
    return isAnybpfError(error) ? error.message : String(error)
  } finally {
    runtime.dispose()
  }
}

function entriesOf(map: BpfMap): unknown {
  return [...map.entries()].map(([key, value]) => [
    toJson(key),
    value instanceof BpfMap ? entriesOf(value) : toJson(value),
  ])
}

function attempt<T>(work: () => T): T | string {
  try {
    return work()
  } catch (error) {
    return String(error)
  }
}
