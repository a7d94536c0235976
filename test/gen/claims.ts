/**
 * Values that the codecs give, as TypeScript that claims that a skeleton's types have them: text to type-check.
 * @module
 */
import { generateSkeleton, type SkeletonOptions } from '../../src/gen/index.ts'
import { findRecordSizes } from '../../src/gen/record-sizes.ts'
import { type Codec, createEventCodecs, createMapCodecs } from '../../src/maps/index.ts'
import type { ObjectSpec } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { SeededRandom } from '../../src/util/index.ts'
import { textLiteral } from '../../src/util/literal.ts'

/** An expression that gives the value. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return textLiteral(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `Number(${textLiteral(String(value))})`
  if (value instanceof Uint8Array) return `new Uint8Array(${value.length})`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const members = Object.entries(value).map(([name, one]) => {
    return `${name === '__proto__' ? "['__proto__']" : textLiteral(name)}: ${literal(one)}`
  })
  return `{ ${members.join(', ')} }`
}

/** Zeros, ones, and what is random: bytes that show names of enums, text and bytes in `char` arrays, both signs. */
function patterns(size: number, random: SeededRandom): Uint8Array[] {
  const noise = Uint8Array.from({ length: size }, () => random.u32() & 0xff)
  const text = Uint8Array.from({ length: size }, (_, i) => (i % 8 === 7 ? 0 : 0x61 + (i % 26)))
  return [new Uint8Array(size), new Uint8Array(size).fill(0xff), new Uint8Array(size).fill(1), text, noise]
}

const MOST_BYTES = 4096

/**
 * The skeleton, and beneath it a claim for each value that a codec gives for some bytes: that the skeleton's type has it, and that what it says
 * is taken has it, too. Every such value is encoded again, which must give back the bytes that were decoded from it, decoded again.
 */
export function claims(spec: ObjectSpec, options: SkeletonOptions, mismatch: (what: string) => void): string {
  const { text, open } = generateSkeleton(spec, options)
  const types = open.replace(/^open/, '').replace(/_\d+$/, '')
  const random = new SeededRandom(7)
  const lines = [
    text,
    "import type { BpfMap as M, MapShape as S } from 'anybpf'",
    `type Shape<N extends keyof ${types}Types['maps']> = ${types}Types['maps'][N] extends M<infer T extends S> ? T : never`,
  ]
  let count = 0
  const claim = (map: string, part: string, value: string): void => {
    lines.push(`export const claim${count++}: Shape<${textLiteral(map)}>['${part}'] = ${value}`)
  }
  const tell = (map: string, part: 'key' | 'value', codec: Codec, copies: boolean): void => {
    if (codec.size > MOST_BYTES) return
    for (const bytes of patterns(codec.size, random)) {
      const value = codec.decode(bytes)
      const again = codec.decode(codec.encode(value))
      const shown = literal(value)
      if (literal(again) !== shown) mismatch(`${map} ${part}: ${shown} becomes ${literal(again)}`)
      claim(map, part, copies ? `[${shown}]` : shown)
      claim(map, `${part}Input`, copies ? `[${shown}]` : shown)
    }
  }
  for (const map of Object.values(spec.maps)) {
    const type = linux().mapTypes.get(map.type)
    if (type?.records === true) {
      const codecs = createEventCodecs(
        map.name,
        map.btf,
        map.keySize === 4 && map.valueSize === 4 ? undefined : map.btfValueType,
      )
      for (const size of recordSizes(spec, map.name)) {
        for (const bytes of patterns(size, random))
          claim(map.name, 'record', literal(codecs(size)?.decode(bytes) ?? bytes))
      }
      continue
    }
    const { key, value } = createMapCodecs(map)
    tell(map.name, 'key', key, false)
    if (type?.name !== 'prog_array' && type?.mapInMap !== true) tell(map.name, 'value', value, type?.perCpu === true)
  }
  return lines.join('\n')
}

function recordSizes(spec: ObjectSpec, map: string): Iterable<number> {
  return findRecordSizes(spec, linux()).get(map) ?? [1, 7, 16, 100]
}
