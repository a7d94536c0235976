/**
 * Names of register types, as Linux's log and messages write them: `map_value_or_null`, `trusted_ptr_`, `rdonly_mem`.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
export { regTypeName } from '../types.ts'
