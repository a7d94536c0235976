/**
 * What a runtime knows how to do: helpers, map types and program types, each data plus a function. The built-in ones are
 * the first extension of every runtime; a user's own follow, and replace those of the same name.
 * @module
 */
import { BUILTIN_HELPERS } from '../helpers/index.ts'
import { BUILTIN_MAP_TYPES, type MapTypeDefinition } from '../maps/index.ts'
import { BUILTIN_PROGRAM_TYPES, type ProgramTypeDefinition } from '../programs/index.ts'
import { extendPlatform } from '../spec/platforms/extend.ts'
import type { Platform } from '../spec/types.ts'
import type { HelperDefinition } from '../vm/machine.ts'

/** A program type whatever it takes and gives: what a list of them holds. */
// biome-ignore lint/suspicious/noExplicitAny: input and output are known to the definition and to its caller alone
export type AnyProgramTypeDefinition = ProgramTypeDefinition<any, any>

export interface Extension {
  readonly helpers?: readonly HelperDefinition[]
  readonly mapTypes?: readonly MapTypeDefinition[]
  readonly programTypes?: readonly AnyProgramTypeDefinition[]
}

export const BUILTIN_EXTENSION: Extension = {
  helpers: BUILTIN_HELPERS,
  mapTypes: BUILTIN_MAP_TYPES,
  programTypes: BUILTIN_PROGRAM_TYPES,
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

/** The platform with the data halves of all that the extensions define. */
export function extendByDefinitions(platform: Platform, extensions: readonly Extension[]): Platform {
  return extensions.reduce(
    (extended, extension) =>
      extendPlatform(extended, {
        helpers: (extension.helpers ?? []).map((helper) => helper.spec),
        mapTypes: (extension.mapTypes ?? []).map((mapType) => mapType.spec),
        programTypes: (extension.programTypes ?? []).map((programType) => programType.spec),
      }),
    platform,
  )
}
