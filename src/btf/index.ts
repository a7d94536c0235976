/**
 * BTF: the types of a BPF program, and where its instructions came from.
 * @module
 */
export * from './btf.ts'
export * from './types.ts'
