/**
 * What `.BTF.ext` says about the code of a section, in order and without repetitions, ready to be cut into functions.
 * @module
 */
import type { BtfCoreRelocation, BtfExt, BtfLineInfo, BtfTypeId } from '../btf/index.ts'
import type { CoreRelocation, LineInfo } from './spec.ts'

const SLOT_BYTES = 8

/** By offset in bytes; records in order of it, one at each. */
export interface CodeRecords {
  readonly functionTypes: ReadonlyMap<number, BtfTypeId>
  readonly lines: readonly BtfLineInfo[]
  readonly coreRelocations: readonly NumberedRelocation[]
}

interface NumberedRelocation extends BtfCoreRelocation {
  /** Among all of the file. */
  readonly index: number
}

export function readCodeRecords(ext: BtfExt | undefined, section: string): CodeRecords {
  return {
    functionTypes: new Map(ext?.functions.get(section)?.map((info) => [info.offset, info.type])),
    lines: inOrder(ext?.lines.get(section) ?? []),
    coreRelocations: inOrder(numberedRelocations(ext, section)),
  }
}

function numberedRelocations(ext: BtfExt | undefined, section: string): NumberedRelocation[] {
  let before = 0
  for (const [name, records] of ext?.coreRelocations ?? []) {
    if (name === section) return records.map((record, i) => ({ ...record, index: before + i }))
    before += records.length
  }
  return []
}

/** The lines of the bytes [start, end) of the section. */
export function cutLines(records: CodeRecords, start: number, end: number): LineInfo[] {
  const result: LineInfo[] = []
  const { lines } = records
  for (let i = lowerBound(lines, start); i < lines.length && lines[i]!.offset < end; i++) {
    const { offset, file, line, column, text } = lines[i]!
    result.push({ slot: (offset - start) / SLOT_BYTES, file, line, column, text })
  }
  return result
}

/** The CO-RE relocations of the bytes [start, end) of the section. */
export function cutCoreRelocations(records: CodeRecords, start: number, end: number): CoreRelocation[] {
  const result: CoreRelocation[] = []
  const { coreRelocations } = records
  for (let i = lowerBound(coreRelocations, start); i < coreRelocations.length; i++) {
    const { offset, type, access, kind, index } = coreRelocations[i]!
    if (offset >= end) break
    result.push({ slot: (offset - start) / SLOT_BYTES, type, access, kind, index })
  }
  return result
}

interface Positioned {
  /** Bytes in the section. */
  readonly offset: number
}

/** Of several records at one offset the first, and none between two slots. Compilers write them like that already. */
function inOrder<T extends Positioned>(records: readonly T[]): readonly T[] {
  const good = records.every(
    ({ offset }, i) => offset % SLOT_BYTES === 0 && (i === 0 || offset > records[i - 1]!.offset),
  )
  if (good) return records
  const sorted = records.filter(({ offset }) => offset % SLOT_BYTES === 0).sort((a, b) => a.offset - b.offset)
  return sorted.filter(({ offset }, i) => i === 0 || offset !== sorted[i - 1]!.offset)
}

/** Index of the first record at or after `offset`. */
function lowerBound(records: readonly Positioned[], offset: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return low
}
