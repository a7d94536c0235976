/**
 * What every runtime knows how to do: the built-in helpers, map types and program types are its first extension.
 * @module
 */
import { BUILTIN_HELPERS } from '../helpers/index.ts'
import { BUILTIN_MAP_TYPES } from '../maps/index.ts'
import { BUILTIN_PROGRAM_TYPES } from '../programs/index.ts'
import { extendPlatform } from '../spec/platforms/extend.ts'
import type { Platform } from '../spec/types.ts'
import type { Extension } from './definitions.ts'

export { type AnyProgramTypeDefinition, collectDefinitions, type Definitions, type Extension } from './definitions.ts'

export const BUILTIN_EXTENSION: Extension = {
  helpers: BUILTIN_HELPERS,
  mapTypes: BUILTIN_MAP_TYPES,
  programTypes: BUILTIN_PROGRAM_TYPES,
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
