/**
 * Platforms as data: helpers, map types, program types, contexts, section names, limits.
 * @module
 */
export * from './contexts/sk-buff.ts'
export * from './contexts/xdp-md.ts'
export * from './errno.ts'
export * from './helper-signatures.ts'
export * from './helpers-linux.ts'
export * from './limits.ts'
export * from './map-types.ts'
export * from './platforms/extend.ts'
export * from './platforms/linux.ts'
export * from './platforms/raw.ts'
export * from './program-types.ts'
export * from './prototype.ts'
export * from './sections.ts'
export * from './signature-table.ts'
export type * from './types.ts'
