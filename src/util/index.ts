/**
 * What every other module stands on: bytes, errors, 64-bit integers, seeded randomness, text tables.
 * @module
 */
export * from './bytes.ts'
export * from './clock.ts'
export * from './errors.ts'
export type * from './flavour.ts'
export * from './int64.ts'
export * from './random.ts'
export * from './string-table.ts'
export * from './text-table.ts'
