/**
 * Reads tables of helper signatures: a helper a line, in words. Any platform may write its own.
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import type { ArgSpec, HelperSignature, ReturnSpec } from './types.ts'

export interface SignatureTable {
  readonly general: ReadonlyMap<number, HelperSignature>
  /** By helper, then by name of the program type. */
  readonly byProgramType: ReadonlyMap<number, ReadonlyMap<string, HelperSignature>>
}

const ARG_KINDS: ReadonlySet<string> = new Set<ArgSpec['kind']>([
  'anything',
  'const_map_ptr',
  'map_key',
  'map_value',
  'mem',
  'const_size',
  'const_size_or_zero',
  'const_alloc_size_or_zero',
  'ctx',
  'sock_common',
  'socket',
  'btf_sock_common',
  'btf',
  'percpu_btf',
  'ringbuf_mem',
  'dynptr',
  'func',
  'stack',
  'const_str',
  'spin_lock',
  'timer',
  'kptr',
])

const RETURN_KINDS: ReadonlySet<string> = new Set<ReturnSpec['kind']>([
  'integer',
  'void',
  'map_value',
  'socket',
  'sock_common',
  'tcp_sock',
  'mem',
  'mem_or_btf',
  'btf',
  'alloc_mem',
  'dynptr_mem',
])

const ARG_WORDS: ReadonlyMap<string, Partial<ArgSpec>> = new Map<string, Partial<ArgSpec>>([
  ['null', { nullable: true }],
  ['read', { access: 'read' }],
  ['write', { access: 'write' }],
  ['read_write', { access: 'read_write' }],
  ['uninit', { uninit: true }],
  ['aligned', { aligned: true }],
  ['release', { release: true }],
  ['local', { dynptr: 'local' }],
  ['ringbuf', { dynptr: 'ringbuf' }],
  ['skb', { dynptr: 'skb' }],
  ['xdp', { dynptr: 'xdp' }],
])

const RETURN_WORDS: ReadonlyMap<string, Partial<ReturnSpec>> = new Map<string, Partial<ReturnSpec>>([
  ['null', { nullable: true }],
  ['trusted', { trusted: true }],
  ['ringbuf', { ringbuf: true }],
  ['read_only', { readOnly: true }],
])

const EFFECT_WORDS: ReadonlyMap<string, Partial<HelperSignature>> = new Map<string, Partial<HelperSignature>>([
  ['changes_packet', { changesPacket: true }],
  ['acquires', { acquires: true }],
  ['casts_arg', { castsArg: true }],
  ['might_sleep', { mightSleep: true }],
  ['packet_access', { packetAccess: true }],
  ['perfmon', { perfmon: true }],
  ['any_license', { anyLicense: true }],
])

const ROW = /^(\d+)((?: \w+)*) \|([^|]*)\|([^|]*)(?:\|([^|]*))?$/

/**
 * Rows are `id [program types] | arguments | result [| effects]`; arguments are separated by commas, words by spaces:
 * `btf null :task_struct`, `mem 8 write uninit aligned`. Throws ERR_FORMAT.
 */
export function parseSignatureTable(table: string): SignatureTable {
  const general = new Map<number, HelperSignature>()
  const byProgramType = new Map<number, Map<string, HelperSignature>>()
  for (const line of table.trim().split('\n')) {
    const row = ROW.exec(line)
    if (row === null) throw new AnybpfError('ERR_FORMAT', `not a row of a table of signatures: ${line}`)
    const id = Number(row[1])
    const signature = signatureOf(row, line)
    const programTypes = words(row[2]!)
    if (programTypes.length === 0) general.set(id, signature)
    const variants = byProgramType.get(id) ?? new Map<string, HelperSignature>()
    for (const programType of programTypes) variants.set(programType, signature)
    if (variants.size > 0) byProgramType.set(id, variants)
  }
  return { general, byProgramType }
}

function signatureOf(row: RegExpExecArray, line: string): HelperSignature {
  const args = row[3]!.trim()
  const effects = words(row[5] ?? '').map((word) => meaning(EFFECT_WORDS, word, line))
  return {
    args: args === '' ? [] : args.split(',').map((arg) => argument(words(arg), line)),
    returns: result(words(row[4]!), line),
    ...Object.assign({}, ...effects),
  }
}

function argument([kind, ...attributes]: readonly string[], line: string): ArgSpec {
  if (kind === undefined || !ARG_KINDS.has(kind)) throw unknown(kind, line)
  const parts = attributes.map((word): Partial<ArgSpec> => {
    if (word.startsWith(':')) return { btfType: word.slice(1) }
    if (/^\d+$/.test(word)) return { size: Number(word) }
    return meaning(ARG_WORDS, word, line)
  })
  return Object.assign({ kind: kind as ArgSpec['kind'] }, ...parts) as ArgSpec
}

function result([kind, ...attributes]: readonly string[], line: string): ReturnSpec {
  if (kind === undefined || !RETURN_KINDS.has(kind)) throw unknown(kind, line)
  const parts = attributes.map(
    (word): Partial<ReturnSpec> =>
      word.startsWith(':') ? { btfType: word.slice(1) } : meaning(RETURN_WORDS, word, line),
  )
  return Object.assign({ kind: kind as ReturnSpec['kind'] }, ...parts) as ReturnSpec
}

function meaning<T>(vocabulary: ReadonlyMap<string, T>, word: string, line: string): T {
  const found = vocabulary.get(word)
  if (found === undefined) throw unknown(word, line)
  return found
}

function unknown(word: string | undefined, line: string): AnybpfError {
  return new AnybpfError('ERR_FORMAT', `unknown word in a signature: ${word ?? 'none'} (in: ${line})`)
}

function words(text: string): string[] {
  return text.trim() === '' ? [] : text.trim().split(/ +/)
}
