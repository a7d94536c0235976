/**
 * BPF object files: from ELF and BTF to programs, functions and maps as data.
 * @module
 */
export type * from './spec.ts'
