/**
 * Custom sections that a built module carries: the build that it belongs to; the program's instructions, for messages about its
 * faults, and which instruction each place of the code comes from.
 *
 * | section | content |
 * |---|---|
 * | `anybpf.code` | the instructions, little-endian; wide loads name maps by index |
 * | `anybpf.places` | pairs of numbers: offset in the module, slot; each as the difference from the one before |
 * | `anybpf.lines` | JSON: `{ files: [name], lines: [slot, file, line, …] }` |
 * | `anybpf.build` | the build's fingerprint, a space, the program's name |
 * | `anybpf.runtime` | in `runtime.wasm`, which has only this one: the fingerprint of the rest |
 * @module
 */

import { AnybpfError, decodeUtf8, encodeUtf8 } from '../util/index.ts'
import type { SourceLine } from '../vm/linked-program.ts'
import type { WasmModule } from '../vm/wasm-types.ts'

export const SECTION = {
  code: 'anybpf.code',
  places: 'anybpf.places',
  lines: 'anybpf.lines',
  build: 'anybpf.build',
  runtime: 'anybpf.runtime',
} as const

/** The content of a custom section. Throws ERR_FORMAT, about what `what` names, if the module has none of that name. */
export function readSection(what: string, module: WasmModule, name: string): Uint8Array {
  const [content] = WebAssembly.Module.customSections(module as WebAssembly.Module, name)
  if (content === undefined) {
    const reason = `the module has no section ${name}: is it another file, or was it stripped?`
    throw new AnybpfError('ERR_FORMAT', `${what}: ${reason}`)
  }
  return new Uint8Array(content)
}

/** Whole numbers of either sign, in as few bytes as they need (LEB128 of a zigzag form). */
export function numbersToBytes(numbers: readonly number[]): Uint8Array {
  const bytes: number[] = []
  for (const number of numbers) {
    let rest = number < 0 ? -2 * number - 1 : 2 * number
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

export function bytesToNumbers(bytes: Uint8Array): number[] {
  const numbers: number[] = []
  let value = 0
  let scale = 1
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale
    scale *= 0x80
    if (byte >= 0x80) continue
    numbers.push(value % 2 === 0 ? value / 2 : -(value + 1) / 2)
    value = 0
    scale = 1
  }
  return numbers
}

/** A place in the code, and the instruction that what follows comes from. */
export interface CodePlace {
  readonly offset: number
  readonly slot: number
}

export function placesToBytes(places: readonly CodePlace[]): Uint8Array {
  let last: CodePlace = { offset: 0, slot: 0 }
  const numbers: number[] = []
  for (const place of places) {
    numbers.push(place.offset - last.offset, place.slot - last.slot)
    last = place
  }
  return numbersToBytes(numbers)
}

export function bytesToPlaces(bytes: Uint8Array): CodePlace[] {
  const numbers = bytesToNumbers(bytes)
  const places: CodePlace[] = []
  let offset = 0
  let slot = 0
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    offset += numbers[i]!
    slot += numbers[i + 1]!
    places.push({ offset, slot })
  }
  return places
}

interface LinesDocument {
  readonly files: readonly string[]
  readonly lines: readonly number[]
}

export function linesToBytes(lines: readonly SourceLine[]): Uint8Array {
  const files = [...new Set(lines.map(({ file }) => file))]
  const document: LinesDocument = {
    files,
    lines: lines.flatMap(({ slot, file, line }) => [slot, files.indexOf(file), line]),
  }
  return encodeUtf8(JSON.stringify(document))
}

export function bytesToLines(bytes: Uint8Array): SourceLine[] {
  const { files, lines } = JSON.parse(decodeUtf8(bytes)) as LinesDocument
  const result: SourceLine[] = []
  for (let i = 0; i + 2 < lines.length; i += 3) {
    result.push({ slot: lines[i]!, file: files[lines[i + 1]!] ?? '', line: lines[i + 2]! })
  }
  return result
}
