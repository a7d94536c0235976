/**
 * BTF: the types of a BPF program, and where its instructions came from.
 * @module
 */
export * from './btf.ts'
export * from './builder.ts'
export { checkBtf } from './check-btf.ts'
export * from './core/index.ts'
export { type DedupResult, dedupBtf } from './dedup.ts'
export * from './diff.ts'
export { type EmitBtfOptions, emitBtf } from './emit-btf.ts'
export * from './emit-btf-ext.ts'
export * from './form.ts'
export { BTF_KIND_NUMBERS, BTF_KIND_ROWS, type BtfKindRow } from './kinds.ts'
export { type BtfToCOptions, btfToC, type CHeader } from './output/c-output.ts'
export { formatBtfDiff } from './output/diff-text.ts'
export { btfToText } from './output/text.ts'
export { type BtfToTypeScriptOptions, btfToTypeScript, type TypeScriptTypes } from './output/typescript.ts'
export * from './parse-btf.ts'
export {
  type BtfCoreRelocation,
  type BtfExt,
  type BtfExtForm,
  type BtfFuncInfo,
  type BtfLineInfo,
  parseBtfExt,
} from './parse-btf-ext.ts'
export * from './references.ts'
export { BTF_MAX_TYPES } from './scan-types.ts'
export { typeText } from './type-text.ts'
export * from './types.ts'
export {
  type Codec,
  type CodecOptions,
  createCodec,
  createRecordCodec,
  createUntypedCodec,
  type RecordField,
} from './values/codec.ts'
export { formatBtfValue } from './values/format.ts'
