/**
 * What the verifier knows, in words: ranges, registers, places in memory. For people; the log has its own forms.
 * @module
 */
import type { Platform } from '../../spec/index.ts'
import type { Scalar } from '../domain/scalar.ts'
import { signed64, unsigned64 } from '../memory/text.ts'
import type { VerifierMap } from '../program.ts'
import { AT_PACKET_END, BEYOND_PACKET_END, type Reg } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  MEM_RINGBUF,
  maybeNull,
  NOT_INIT,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
} from '../types.ts'
import { regTypeName } from './type-names.ts'

const MAX_U32 = 0xffffffffn
const MAX_S64 = (1n << 63n) - 1n
/** A bound beyond this is none. */
const VAST = 1n << 61n
/** Numbers from here on are easier to read in hexadecimal. */
const LARGE = 1n << 20n

/** `14`, `-1`, `0xffffffff`. */
export function numberText(value: bigint | number): string {
  const number = BigInt(value)
  const size = number < 0n ? -number : number
  return size < LARGE ? number.toString() : number < 0n ? `-0x${size.toString(16)}` : `0x${number.toString(16)}`
}

/** `8 bytes`, `1 byte`. */
export function bytesText(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`
}

/** `from 0 to 255`, `5`, `anything (64 bits)`. */
export function rangeText(scalar: Scalar): string {
  if (scalar.isConstant) {
    const text = numberText(signed64(scalar.valueLow, scalar.valueHigh))
    const isNegativeInt = scalar.valueHigh === 0 && scalar.valueLow < 0
    return isNegativeInt ? `${text} (${scalar.valueLow} as an int)` : text
  }
  const smin = signed64(scalar.sminLow, scalar.sminHigh)
  const smax = signed64(scalar.smaxLow, scalar.smaxHigh)
  const umin = unsigned64(scalar.uminLow, scalar.uminHigh)
  const umax = unsigned64(scalar.umaxLow, scalar.umaxHigh)
  const step = stepText(scalar)
  // Where it may be negative, the unsigned bounds say little.
  if (umax > MAX_S64) {
    if (smin < -VAST && smax > VAST) {
      return umin === 0n
        ? `anything (64 bits)${step}`
        : `at least ${numberText(umin)} (unsigned), without an upper bound`
    }
    if (smin < -VAST) return `at most ${numberText(smax)}, possibly negative${step}`
    if (smax > VAST) return `at least ${numberText(smin)}, without an upper bound${step}`
    return `from ${numberText(smin)} to ${numberText(smax)}${step}`
  }
  if (umin === 0n && umax === MAX_U32) return 'anything (32 bits)'
  return `from ${numberText(umin)} to ${numberText(umax)}${step}`
}

/** Bits that are known to be clear at the low end. */
function stepText(scalar: Scalar): string {
  const known = (scalar.maskLow | scalar.valueLow) >>> 0
  const step = known === 0 ? 0 : 31 - Math.clz32(known & -known)
  return step === 0 ? '' : `, a multiple of ${2 ** step}`
}

/** Nothing keeps it from being huge or negative. */
export function isUnbounded(scalar: Scalar): boolean {
  if (scalar.isConstant) return false
  return scalar.umaxHigh < 0 || scalar.umaxHigh >= 1 || (scalar.umaxLow === -1 && scalar.uminLow === 0)
}

export function mapText(map: VerifierMap): string {
  return map.name === '' ? 'a map' : `map ${map.name}`
}

/** What values of a map are called. */
function valueText(map: VerifierMap): string {
  const size = `${bytesText(map.valueSize)}`
  if (map.variables !== undefined) return `global data ${map.name} (${size})`
  return `a value of ${mapText(map)} (${size})`
}

const OBJECTS: ReadonlyMap<number, string> = new Map([
  [PTR_TO_CTX, 'the context'],
  [PTR_TO_PACKET_END, 'the end of the packet'],
  [PTR_TO_FLOW_KEYS, 'flow keys'],
  [PTR_TO_SOCKET, 'a socket'],
  [PTR_TO_SOCK_COMMON, 'a socket'],
  [PTR_TO_TCP_SOCK, 'a TCP socket'],
  [PTR_TO_XDP_SOCK, 'an AF_XDP socket'],
  [PTR_TO_FUNC, 'a function'],
  [PTR_TO_BUF, 'a buffer'],
  [CONST_PTR_TO_DYNPTR, 'a dynptr'],
])

/** What a pointer points at, without offset and NULL: `a value of map flows (48 bytes)`. */
export function targetText(reg: Reg): string {
  const base = baseType(reg.type)
  switch (base) {
    case PTR_TO_MAP_VALUE:
      return valueText(reg.map)
    case PTR_TO_MAP_KEY:
      return `a key of ${mapText(reg.map)} (${bytesText(reg.map.keySize)})`
    case CONST_PTR_TO_MAP:
      return mapText(reg.map)
    case PTR_TO_STACK:
      return 'the stack'
    case PTR_TO_PACKET:
      return 'the packet'
    case PTR_TO_PACKET_META:
      return "the packet's metadata"
    case PTR_TO_MEM:
      if ((reg.type & MEM_RINGBUF) !== 0) return `a ring-buffer record (${bytesText(reg.aux)})`
      return `memory of ${bytesText(reg.aux)}`
    case PTR_TO_BTF_ID: {
      const name = reg.target === undefined ? '' : (reg.btf.btf.get(reg.btf.id)?.name ?? '')
      const kind = (reg.type & PTR_UNTRUSTED) === 0 ? '' : ' (not trusted)'
      return name === '' ? `a kernel object${kind}` : `struct ${name}${kind}`
    }
    default:
      return OBJECTS.get(base) ?? regTypeName(reg.type)
  }
}

function offsetText(reg: Reg): string {
  if (reg.scalar.isConstant) {
    const off = reg.off + reg.scalar.constant
    return off === 0 ? '' : off < 0 ? ` - ${-off}` : ` + ${off}`
  }
  const off = reg.off === 0 ? '' : ` + ${reg.off}`
  return `${off} + a variable (${rangeText(reg.scalar)})`
}

/** `the number 5`, `a pointer to a value of map flows (48 bytes) + 8, or NULL`. */
export function regWords(reg: Reg): string {
  if (reg.type === NOT_INIT) return 'no value'
  if (reg.type === SCALAR_VALUE) {
    return reg.scalar.isConstant ? `the number ${rangeText(reg.scalar)}` : `a number, ${rangeText(reg.scalar)}`
  }
  const base = baseType(reg.type)
  if (base === PTR_TO_STACK && reg.scalar.isConstant) return `a pointer to the stack, at fp${signed(reg.off)}`
  if (base === PTR_TO_PACKET_END) return 'the end of the packet'
  if (base === CONST_PTR_TO_MAP) return `the address of ${mapText(reg.map)}`
  let text = `a pointer to ${targetText(reg)}${offsetText(reg)}`
  if (base === PTR_TO_PACKET || base === PTR_TO_PACKET_META) text += packetText(reg)
  return maybeNull(reg.type) ? `${text}, or NULL` : text
}

function packetText(reg: Reg): string {
  if (reg.aux === AT_PACKET_END || reg.aux === BEYOND_PACKET_END) return ' at or beyond its end'
  const known = reg.aux
  if (known <= 0) return ', nothing of which is known to be there'
  return `, ${bytesText(known)} of which are known to be there`
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`
}

/** Parameter names of a helper, from its prototype. */
export function parameterNames(prototype: string | undefined): readonly string[] {
  const inner = /\((.*)\)/.exec(prototype ?? '')?.[1] ?? ''
  if (inner === 'void' || inner === '') return []
  return inner.split(',').map((part) => /([A-Za-z_]\w*)\s*$/.exec(part)?.[1] ?? part.trim())
}

/** `bpf_map_lookup_elem`. */
export function helperName(platform: Platform, id: number): string {
  const helper = platform.helpers.get(id)
  return helper === undefined ? `helper ${id}` : `bpf_${helper.name}`
}
