/**
 * How helpers are put together: a row of a platform and a function, joined by name.
 * @module
 */
import type { HelperSpec, Platform } from '../spec/types.ts'
import { AnybpfError } from '../util/index.ts'
import type { HelperDefinition, HelperFunction, HelperOperation } from '../vm/machine.ts'

/**
 * What a helper does, see `HelperFunction`: it may look at the arguments that the platform's table declares and, by `cpu.argHigh`, at the
 * upper halves of those that are declared with 64 bits; of other arguments neither half is defined. The table has the rest, and is no part of this: what
 * was built ahead of time needs none.
 */
export interface NamedHelper {
  readonly name: string
  readonly call: HelperFunction
  readonly operation?: HelperOperation
}

/** What a helper of Linux does. */
export function linuxHelper(name: string, call: HelperFunction, operation?: HelperOperation): NamedHelper {
  return { name, call, ...(operation !== undefined && { operation }) }
}

/**
 * The helpers of a platform that `definitions` implement, by the platform's numbers. Helpers are matched by name, so that
 * one function serves platforms that number it differently; a later definition replaces an earlier one of that name.
 */
export function helpersOf(
  platform: Platform,
  definitions: Iterable<HelperDefinition>,
): ReadonlyMap<number, HelperDefinition> {
  const byName = new Map<string, HelperDefinition>()
  for (const definition of definitions) byName.set(definition.spec.name, definition)
  const helpers = new Map<number, HelperDefinition>()
  for (const [id, spec] of platform.helpers) {
    const definition = byName.get(spec.name)
    if (definition !== undefined) helpers.set(id, { ...definition, spec })
  }
  return helpers
}

/** The fault of a helper that was called with what it cannot take. */
export function helperFault(spec: Pick<HelperSpec, 'name'> | string, reason: string): AnybpfError {
  return new AnybpfError('ERR_FAULT', `${typeof spec === 'string' ? spec : spec.name}: ${reason}`)
}
