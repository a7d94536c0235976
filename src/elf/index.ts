/**
 * ELF64 files of either byte order.
 * @module
 */
export * from './elf.ts'
export * from './emit-elf.ts'
export * from './format.ts'
