/**
 * How the built-in map types are put together: a row of Linux's table and a function, joined by name.
 * @module
 */
import { findLinuxMapType } from '../spec/map-types.ts'
import type { MapTypeSpec } from '../spec/types.ts'
import { AnybpfError } from '../util/errors.ts'
import type { Machine } from '../vm/machine.ts'
import type { HostMapStore, MapParameters, MapTypeDefinition } from './definition.ts'

export function linuxMapType(
  name: string,
  create: (machine: Machine, parameters: MapParameters, spec: MapTypeSpec) => HostMapStore,
): MapTypeDefinition {
  const spec = findLinuxMapType(name)
  if (spec === undefined) throw new AnybpfError('ERR_INTERNAL', `Linux has no map type ${name}`)
  return { spec, create: (machine, parameters) => create(machine, parameters, spec) }
}
