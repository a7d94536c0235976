/**
 * Arguments that have to be the address of a special field of a map value: timers, work queues, task work.
 * @module
 */
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import type { CallContext } from './context.ts'
import { fixedOffset } from './pointers.ts'
import { findField, mapRecord } from './record.ts'

/** Register `regno`, a map value, points at such a field; the map is noted in `call`. */
export function checkTimer(
  _env: Environment,
  reg: Reg,
  regno: number,
  kind: 'timer' | 'wq' | 'task_work',
  call: CallContext,
): void {
  const facts = { regno }
  const name = `bpf_${kind}`
  const { map } = reg
  if (!reg.scalar.isConstant) {
    reject('special_field', `R${regno} doesn't have constant offset. ${name} has to be at the constant offset`, facts)
  }
  if (map.btf === undefined) reject('special_field', `map '${map.name}' has to have BTF in order to use ${name}`, facts)
  const field = findField(mapRecord(map), kind)
  if (field === undefined) reject('special_field', `map '${map.name}' has no valid ${name}`, facts)
  const off = fixedOffset(reg)
  if (off !== field.offset) {
    reject('special_field', `off ${off} doesn't point to 'struct ${name}' that is at ${field.offset}`, facts)
  }
  call.map = map
  call.mapUid = reg.aux
}
