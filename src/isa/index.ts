/**
 * The BPF instruction set (RFC 9669 and what Linux added since): one table, and all that is derived from it.
 * @module
 */
export type * from './instruction.ts'
