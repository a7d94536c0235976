/**
 * What `.BTF.ext` says about the code of a section, in order and without repetitions, ready to be cut into functions.
 * @module
 */
import type { BtfExt, BtfTypeId } from '../btf/index.ts'
import type { CoreRelocation, LineInfo } from './spec.ts'

const SLOT_BYTES = 8

export interface Positioned<T> {
  /** Bytes in the section. */
  readonly offset: number
  readonly value: T
}

export interface CodeRecords {
  /** By offset in bytes. */
  readonly functionTypes: ReadonlyMap<number, BtfTypeId>
  readonly lines: readonly Positioned<LineInfo>[]
  readonly coreRelocations: readonly Positioned<CoreRelocation>[]
}

export function readCodeRecords(ext: BtfExt | undefined, section: string): CodeRecords {
  return {
    functionTypes: new Map(ext?.functions.get(section)?.map((info) => [info.offset, info.type])),
    lines: positioned(ext?.lines.get(section), ({ file, line, column, text }) => ({
      slot: 0,
      file,
      line,
      column,
      text,
    })),
    coreRelocations: positioned(ext?.coreRelocations.get(section), ({ type, access, kind }) => ({
      slot: 0,
      type,
      access,
      kind,
    })),
  }
}

/** The records of the bytes [start, end), with their slots from there. */
export function cutRecords<T extends { slot: number }>(
  records: readonly Positioned<T>[],
  start: number,
  end: number,
): T[] {
  const result: T[] = []
  for (let i = lowerBound(records, start); i < records.length && records[i]!.offset < end; i++) {
    const { offset, value } = records[i]!
    result.push({ ...value, slot: (offset - start) / SLOT_BYTES })
  }
  return result
}

/** In order of offset; of several at one offset the first, and none between two slots. */
function positioned<R extends { readonly offset: number }, T>(
  records: readonly R[] | undefined,
  convert: (record: R) => T,
): Positioned<T>[] {
  const usable = (records ?? []).filter((record) => record.offset % SLOT_BYTES === 0)
  const sorted = usable.every((record, i) => i === 0 || record.offset >= usable[i - 1]!.offset)
  if (!sorted) usable.sort((a, b) => a.offset - b.offset)
  const result: Positioned<T>[] = []
  for (const record of usable) {
    if (record.offset !== result[result.length - 1]?.offset) {
      result.push({ offset: record.offset, value: convert(record) })
    }
  }
  return result
}

/** Index of the first record at or after `offset`. */
function lowerBound(records: readonly Positioned<unknown>[], offset: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return low
}
