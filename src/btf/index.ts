/**
 * BTF: the types of a BPF program, and where its instructions came from.
 * @module
 */
export * from './btf.ts'
export * from './check-btf.ts'
export * from './parse-btf.ts'
export * from './parse-btf-ext.ts'
export * from './types.ts'
