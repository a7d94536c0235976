/**
 * A type in C's words, with the parameters of functions: two types with the same text look the same in C.
 * @module
 */
import { BTF_MAX_DEPTH, type Btf } from './btf.ts'
import type { BtfTypeId } from './types.ts'

/** Longest text; what would become longer is cut. */
const MAX_LENGTH = 4000
/** Most parameters, those of parameters included, that are put into words: each can lead to as many more. */
const MAX_PARAMETERS = 1000

/** `int (*)(const char *, ...)`; parameters without their names. Never throws. */
export function typeText(btf: Btf, id: BtfTypeId): string {
  return text(btf, id, '', 0, { parameters: MAX_PARAMETERS })
}

function text(btf: Btf, id: BtfTypeId, name: string, nesting: number, left: { parameters: number }): string {
  let declarator = name
  let qualifiers = ''
  let at = id
  for (let depth = 0; depth < BTF_MAX_DEPTH && declarator.length < MAX_LENGTH && nesting < 8; depth++) {
    const type = btf.get(at)
    if (type === undefined) break
    switch (type.kind) {
      case 'const':
      case 'volatile':
      case 'restrict':
        qualifiers = `${type.kind} ${qualifiers}`
        at = type.type
        continue
      case 'type_tag':
        qualifiers = `${JSON.stringify(type.name)} ${qualifiers}`
        at = type.type
        continue
      case 'ptr':
        declarator = `*${qualifiers}${declarator}`.trimEnd()
        qualifiers = ''
        at = type.type
        continue
      case 'array':
        declarator = `${declarator.startsWith('*') ? `(${declarator})` : declarator}[${type.count}]`
        at = type.type
        continue
      case 'func_proto': {
        const params: string[] = []
        for (const param of type.params) {
          if (params.length === 64 || left.parameters-- <= 0) break
          params.push(text(btf, param.type, '', nesting + 1, left))
        }
        if (type.variadic && type.params.length > 0) params.push('...')
        const list = params.length === 0 ? 'void' : params.join(', ')
        declarator = `${declarator.startsWith('*') ? `(${declarator})` : declarator}(${list})`
        qualifiers = ''
        at = type.returnType
        continue
      }
      default: {
        const base = `${qualifiers}${btf.describe(at)}`
        return declarator === '' || declarator.startsWith('[') ? base + declarator : `${base} ${declarator}`
      }
    }
  }
  return declarator === '' ? `<type ${at}>` : `<type ${at}> ${declarator.slice(0, MAX_LENGTH)}`
}
