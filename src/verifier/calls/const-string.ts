/**
 * Constant strings: arguments that have to point at terminated text in a read-only map.
 * @module
 */
import { MAP_FLAG } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { checkMapValue } from '../memory/map-value.ts'
import type { VerifierMap } from '../program.ts'
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import { PTR_TO_MAP_VALUE } from '../types.ts'
import { mapTypeName } from './map-compatibility.ts'
import { fixedOffset } from './pointers.ts'

/** The program may not write it, and the host does not any more. */
function isReadOnly(map: VerifierMap): boolean {
  return (map.flags & MAP_FLAG.RDONLY_PROG) !== 0 && map.frozen === true
}

/** The bytes of the string that a checked argument points to, without its terminator. */
export function constantString(reg: Reg): Uint8Array {
  const contents = reg.map.contents ?? new Uint8Array(reg.map.valueSize)
  const from = fixedOffset(reg)
  const end = contents.indexOf(0, from)
  return contents.subarray(from, end < 0 ? contents.length : end)
}

/** Argument `regno` is the address of a constant, terminated string. */
export function checkConstantString(env: Environment, reg: Reg, regno: number): void {
  const facts = { regno }
  if (reg.type !== PTR_TO_MAP_VALUE) reject('argument_type', `R${regno} is not a constant string`, facts)
  const { map } = reg
  if (!isReadOnly(map)) reject('argument_type', `R${regno} does not point to a readonly map'`, facts)
  if (!reg.scalar.isConstant) reject('argument_type', `R${regno} is not a constant address'`, facts)
  if (mapTypeName(env, map) !== 'array')
    reject('argument_type', 'no direct value access support for this map type', facts)
  checkMapValue(reg, regno, reg.off, map.valueSize - reg.off, false, 'helper')
  const from = fixedOffset(reg)
  const contents = map.contents ?? new Uint8Array(map.valueSize)
  if (contents.indexOf(0, from) < 0) reject('argument_value', 'string is not zero-terminated', facts)
}
