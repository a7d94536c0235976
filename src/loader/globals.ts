/**
 * Global variables before a program runs: the values that a caller sets, and `.kconfig`, which the kernel's configuration
 * would fill.
 * @module
 */
import type { Btf } from '../btf/index.ts'
import { createCodec } from '../btf/values/codec.ts'
import type { MapSpec, ObjectSpec, VariableSpec } from '../object/index.ts'
import { LATEST_LINUX } from '../spec/platforms/linux.ts'
import type { Platform } from '../spec/types.ts'
import { AnybpfError, encodeUtf8 } from '../util/index.ts'

/** The bytes of each data map's value, with the caller's settings in them; the spec itself is left as it is. */
export function globalContents(
  spec: ObjectSpec,
  globals: Readonly<Record<string, unknown>>,
  kconfig: Readonly<Record<string, unknown>>,
  kernelVersion: string,
): ReadonlyMap<MapSpec, Uint8Array> {
  const contents = new Map<MapSpec, Uint8Array>()
  const unset = new Set(Object.keys(globals))
  for (const map of Object.values(spec.maps)) {
    if (map.kind === 'map') continue
    // Only what is initialised of an arena has to be known.
    const bytes = map.kind === 'arena' ? new Uint8Array(map.contents?.length ?? 0) : zeros(map)
    if (map.contents !== undefined) bytes.set(map.contents.subarray(0, bytes.length))
    for (const variable of map.variables ?? []) {
      if (map.kind === 'kconfig') {
        writeVariable(bytes, map, variable, kconfigValue(spec, map, variable, kconfig, kernelVersion))
      } else if (Object.hasOwn(globals, variable.name)) {
        writeVariable(bytes, map, variable, globals[variable.name])
        unset.delete(variable.name)
      }
    }
    contents.set(map, bytes)
  }
  if (unset.size > 0) {
    const known = Object.values(spec.maps).flatMap((map) =>
      map.kind === 'map' || map.kind === 'kconfig' ? [] : (map.variables ?? []).map((variable) => variable.name),
    )
    throw new AnybpfError(
      'ERR_NOT_FOUND',
      `no global variable ${[...unset].join(', ')}; the object has ${known.join(', ') || 'none'}`,
    )
  }
  return contents
}

/** A caller may have edited the size. */
function zeros({ name, valueSize }: MapSpec): Uint8Array {
  if (Number.isInteger(valueSize) && valueSize >= 0 && valueSize <= MAX_VALUE_BYTES) return new Uint8Array(valueSize)
  throw new AnybpfError('ERR_MAP', `map ${name}: valueSize is ${valueSize}, not 0 to ${MAX_VALUE_BYTES} bytes`)
}

/** The runtime's memory is no larger. */
const MAX_VALUE_BYTES = 2 ** 30

function writeVariable(bytes: Uint8Array, map: MapSpec, variable: VariableSpec, value: unknown): void {
  const target = bytes.subarray(variable.offset, variable.offset + variable.size)
  if (value instanceof Uint8Array) {
    if (value.length !== variable.size) {
      throw new AnybpfError('ERR_USAGE', `${variable.name} has ${variable.size} bytes, not ${value.length}`)
    }
    target.set(value)
    return
  }
  const type = variableType(map.btf, variable)
  if (map.btf === undefined || type === undefined) {
    throw new AnybpfError('ERR_USAGE', `${variable.name} has no type information: give its ${variable.size} bytes`)
  }
  const encoded = createCodec(map.btf, type, { name: variable.name }).encode(value)
  if (encoded.length !== variable.size) {
    throw new AnybpfError(
      'ERR_OBJECT',
      `${variable.name} has ${variable.size} bytes in ${map.section}, and its type ${encoded.length}`,
    )
  }
  target.set(encoded)
}

/** The type of a variable: what its `var` names. */
export function variableType(btf: Btf | undefined, variable: VariableSpec): number | undefined {
  if (btf === undefined || variable.btfType === undefined) return undefined
  const type = btf.type(variable.btfType)
  return type.kind === 'var' ? type.type : variable.btfType
}

/**
 * What an extern in `.kconfig` is: the caller's value; for `LINUX_KERNEL_VERSION` the platform's; zero for the
 * `LINUX_HAS_*` features of a real kernel and for a weak extern. A strong one without a value is an error, as in libbpf.
 */
function kconfigValue(
  spec: ObjectSpec,
  map: MapSpec,
  variable: VariableSpec,
  kconfig: Readonly<Record<string, unknown>>,
  kernelVersion: string,
): unknown {
  if (Object.hasOwn(kconfig, variable.name)) return kconfigToValue(kconfig[variable.name], map, variable)
  if (variable.name === 'LINUX_KERNEL_VERSION') {
    const [major = 0, minor = 0, patch = 0] = kernelVersion.split('.').map(Number)
    return littleEndian((major << 16) | (minor << 8) | Math.min(patch, 255), variable.size)
  }
  const weak = variable.linkage === 'weak' || spec.externs[variable.name]?.weak === true
  if (weak || variable.name.startsWith('LINUX_HAS_')) return new Uint8Array(variable.size)
  throw new AnybpfError(
    'ERR_LINK',
    `extern ${variable.name} of .kconfig has no value: give it with kconfig: { ${variable.name}: … }`,
  )
}

const TRISTATE: Readonly<Record<string, number>> = { n: 0, y: 1, m: 2 }

/**
 * Values as a configuration file writes them: `y`, `n`, `m`, a number, or a text. What a letter becomes depends on the
 * extern's type, as in libbpf: 0 or 1 in a `bool`, the letter in a `char`, 0 to 2 in an `enum libbpf_tristate`.
 */
export function kconfigToValue(value: unknown, map: MapSpec, variable: VariableSpec): unknown {
  if (typeof value !== 'string') return value
  const type = variableType(map.btf, variable)
  const resolved = type === undefined ? undefined : map.btf?.resolve(type)
  if (resolved?.kind === 'array') return truncatedText(value, variable.size)
  if (!Object.hasOwn(TRISTATE, value)) return value
  if (resolved?.kind === 'int' && resolved.bool) return value === 'm' ? value : value === 'y'
  if (resolved?.kind === 'int' && resolved.size === 1) return Uint8Array.of(value.charCodeAt(0))
  if (resolved?.kind === 'enum') return littleEndian(TRISTATE[value]!, variable.size)
  return value
}

/** A text that is too long loses its end, as in libbpf; the last byte is always zero. */
function truncatedText(text: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  bytes.set(encodeUtf8(text).subarray(0, size - 1))
  return bytes
}

function littleEndian(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < Math.min(size, 4); i++) bytes[i] = value >>> (8 * i)
  return bytes
}

/** `6.18` for the platform `linux 6.18`; the newest version known for a platform that is not Linux. */
export function kernelVersionOf(platform: Platform): string {
  return /^linux (\d+\.\d+(?:\.\d+)?)/.exec(platform.name)?.[1] ?? LATEST_LINUX
}
