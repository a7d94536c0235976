/**
 * Reads `test_verifier.json`: each case as the verifier takes it, with what the real kernel said.
 * @module
 */
import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { type Btf, parseBtf } from '../../src/btf/index.ts'
import type { LddwInsn } from '../../src/isa/index.ts'
import { linuxAttachType } from '../../src/spec/attach-types.ts'
import { hexToBytes } from '../../src/util/index.ts'
import { decodeForVerifier } from '../../src/verifier/decode.ts'
import type {
  VerifierFunction,
  VerifierMap,
  VerifierProgram,
  VerifierReference,
  VerifyOptions,
} from '../../src/verifier/program.ts'

interface MapKind {
  readonly type_id: number
  readonly key: number
  readonly value: number
  readonly max_entries: number
  readonly flags: number
  readonly btf_key?: number
  readonly btf_value?: number
  readonly inner?: MapKind
}

/** A verdict of the kernel. */
export interface KernelVerdict {
  readonly verdict: 'ACCEPT' | 'REJECT' | 'SKIP'
  readonly insns_processed?: number
  readonly message?: string
  /** The end of its log. */
  readonly log_tail?: string
}

export interface CorpusCase {
  readonly id: string
  readonly file: string
  readonly name: string
  readonly prog_type: string
  readonly expected_attach_type: number
  readonly attach_func: string | null
  readonly load_flags: number
  readonly insns?: string
  readonly insns_zb64?: string
  readonly fixups?: readonly { readonly kind: string; readonly insn: number }[]
  readonly kfunc_fixups?: readonly { readonly kfunc: string; readonly insn: number }[]
  readonly func_info?: readonly (readonly [insn: number, type: number])[]
  readonly btf?: string
  readonly linux618: KernelVerdict
  readonly linux618_noperfmon?: KernelVerdict
  readonly uses: {
    readonly helpers: readonly string[]
    readonly map_kinds: readonly string[]
    readonly kfuncs: readonly string[]
    readonly insn_kinds: readonly string[]
  }
}

export interface VerifierCorpus {
  readonly map_kinds: Readonly<Record<string, MapKind>>
  /** Hex: types of maps with locks, timers, kernel pointers. */
  readonly map_btf: string
  readonly tests: readonly CorpusCase[]
}

/** `load_flags`. */
const STRICT_ALIGNMENT = 1
const ANY_ALIGNMENT = 2
const TEST_STATE_FREQUENCY = 8
const SLEEPABLE = 16

export function readVerifierCorpus(path: string): VerifierCorpus {
  return JSON.parse(readFileSync(path, 'utf8')) as VerifierCorpus
}

/** The bytes of a case's instructions. */
export function caseBytes(test: Pick<CorpusCase, 'insns' | 'insns_zb64'>): Uint8Array {
  if (test.insns !== undefined) return hexToBytes(test.insns)
  return new Uint8Array(inflateSync(Buffer.from(test.insns_zb64 ?? '', 'base64')))
}

/** The options that a case's load flags ask for. */
export function caseOptions(test: CorpusCase): VerifyOptions {
  return {
    // The kernel lets the second flag undo the first.
    alignment: (test.load_flags & (STRICT_ALIGNMENT | ANY_ALIGNMENT)) === STRICT_ALIGNMENT ? 'strict' : 'any',
    testStateFrequency: (test.load_flags & TEST_STATE_FREQUENCY) !== 0,
  }
}

/** One map of a kind per case, as the kernel's test has it. */
export function caseProgram(corpus: VerifierCorpus, test: CorpusCase): VerifierProgram {
  const { insns, invalid } = decodeForVerifier(caseBytes(test), 'little')
  const references = new Map<number, VerifierReference>()
  const maps = new Map<string, VerifierMap>()
  for (const { kind, insn } of test.fixups ?? []) {
    let map = maps.get(kind)
    if (map === undefined) {
      map = mapOfKind(corpus, kind)
      maps.set(kind, map)
    }
    const load = insns[insn]
    references.set(insn, isValueLoad(load) ? { kind: 'map_value', map, offset: load.imm2 } : { kind: 'map', map })
  }
  for (const { kfunc, insn } of test.kfunc_fixups ?? [])
    references.set(insn, { kind: 'kfunc', name: kfunc, weak: false })
  const btf = test.btf === undefined ? undefined : parseBtf(hexToBytes(test.btf))
  const type = test.prog_type.toLowerCase()
  const attachType = linuxAttachType(type, test.expected_attach_type)
  return {
    name: test.name,
    type,
    ...(attachType !== undefined && { attachType }),
    ...(test.attach_func !== null && { attachTo: test.attach_func }),
    license: 'GPL',
    sleepable: (test.load_flags & SLEEPABLE) !== 0,
    insns,
    invalid,
    references,
    ...(btf !== undefined && { btf }),
    ...(btf !== undefined && test.func_info !== undefined && { functions: functionsOf(btf, test.func_info) }),
  }
}

function isValueLoad(insn: unknown): insn is LddwInsn {
  const { kind, source } = insn as LddwInsn
  return kind === 'lddw' && (source === 'map_value' || source === 'map_idx_value')
}

function functionsOf(btf: Btf, info: readonly (readonly [number, number])[]): VerifierFunction[] {
  return info.map(([slot, type]) => {
    const func = btf.type(type)
    const linkage = func.kind === 'func' && func.linkage === 'global' ? 'global' : 'static'
    return { name: func.name, slot, linkage, btfType: type }
  })
}

const MAP_BTF = new WeakMap<VerifierCorpus, Btf>()

function mapBtf(corpus: VerifierCorpus): Btf {
  let btf = MAP_BTF.get(corpus)
  if (btf === undefined) {
    btf = parseBtf(hexToBytes(corpus.map_btf))
    MAP_BTF.set(corpus, btf)
  }
  return btf
}

function mapOfKind(corpus: VerifierCorpus, kind: string): VerifierMap {
  const described = corpus.map_kinds[kind]
  if (described === undefined) throw new Error(`no map kind ${kind}`)
  return describeMap(corpus, described)
}

function describeMap(corpus: VerifierCorpus, kind: MapKind): VerifierMap {
  const typed = kind.btf_value !== undefined
  return {
    // The kernel's test names only the maps that have types.
    name: typed ? 'test_map' : '',
    type: kind.type_id,
    keySize: kind.key,
    valueSize: kind.value,
    maxEntries: kind.max_entries,
    flags: kind.flags,
    ...(typed && { btf: mapBtf(corpus), btfValueType: kind.btf_value }),
    ...(typed && kind.btf_key !== undefined && { btfKeyType: kind.btf_key }),
    ...(kind.inner !== undefined && { inner: describeMap(corpus, kind.inner) }),
  }
}

/** What a log says at its end, before the statistics: the reason. */
export function lastMessage(log: string): string | undefined {
  const lines = log.split('\n')
  const end = lines.findIndex((line) => /^(verification time|processed) \d/.test(line))
  return (end < 0 ? lines.filter((line) => line !== '') : lines.slice(0, end)).at(-1)
}

/** The instruction that a log stops at; undefined if it names none. */
export function lastInsn(log: string): number | undefined {
  let last: number | undefined
  for (const line of log.split('\n')) {
    // A branch that is taken up goes on in the line of its jump: the instruction is the one that begins the line.
    const match = /^(\d+): (?:\([0-9a-f]{2}\)|BUG_)/.exec(line)
    if (match !== null) last = Number(match[1])
  }
  return last
}
