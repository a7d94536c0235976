/**
 * What a runtime knows how to do: helpers, map types and program types, each data plus a function. The built-in ones are
 * the first extension of every runtime; a user's own follow, and replace those of the same name.
 * @module
 */
import type { MapTypeDefinition } from '../maps/definition.ts'
import type { ProgramTypeDefinition, RunnableProgramType } from '../programs/definition.ts'
import type { HelperDefinition } from '../vm/machine.ts'

/** A program type whatever it takes and gives: what a list of them holds. */
// biome-ignore lint/suspicious/noExplicitAny: input and output are known to the definition and to its caller alone
export type AnyProgramTypeDefinition = ProgramTypeDefinition<any, any>

// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyRunnableProgramType = RunnableProgramType<any, any>

export interface Extension {
  readonly helpers?: readonly HelperDefinition[]
  readonly mapTypes?: readonly MapTypeDefinition[]
  readonly programTypes?: readonly AnyProgramTypeDefinition[]
}

/** All that a list of extensions defines, by name: numbers are the platform's. */
export interface Definitions {
  readonly helpers: readonly HelperDefinition[]
  readonly mapTypes: ReadonlyMap<string, MapTypeDefinition>
  readonly programTypes: ReadonlyMap<string, AnyProgramTypeDefinition>
}

/** Later extensions win. */
export function collectDefinitions(extensions: readonly Extension[]): Definitions {
  const helpers: HelperDefinition[] = []
  const mapTypes = new Map<string, MapTypeDefinition>()
  const programTypes = new Map<string, AnyProgramTypeDefinition>()
  for (const extension of extensions) {
    helpers.push(...(extension.helpers ?? []))
    for (const mapType of extension.mapTypes ?? []) mapTypes.set(mapType.spec.name, mapType)
    for (const programType of extension.programTypes ?? []) programTypes.set(programType.spec.name, programType)
  }
  return { helpers, mapTypes, programTypes }
}
