/**
 * BTF as text, a line for each type and for each of its parts, in the words of `bpftool btf dump … format raw`.
 * @module
 */
import type { Btf } from '../btf.ts'
import type { BtfInt, BtfMember, BtfType, BtfTypeId } from '../types.ts'

/** The types with these ids; all of the file's own by default. */
export function btfToText(btf: Btf, ids?: Iterable<BtfTypeId>): string {
  const lines: string[] = []
  if (ids === undefined) for (let id = btf.firstOwn; id < btf.length; id++) write(lines, btf, btf.type(id))
  else for (const id of ids) write(lines, btf, btf.type(id))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

const quoted = (name: string): string => (name === '' ? "'(anon)'" : `'${name}'`)

function write(lines: string[], btf: Btf, type: BtfType): void {
  lines.push(`[${type.id}] ${type.kind.toUpperCase()} ${quoted(type.name)}${headOf(type)}`)
  for (const part of partsOf(btf, type)) lines.push(`\t${part}`)
}

function headOf(type: BtfType): string {
  switch (type.kind) {
    case 'int':
      return ` size=${type.size} bits_offset=${type.offset} nr_bits=${type.bits} encoding=${encoding(type)}`
    case 'ptr':
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type_tag':
      return ` type_id=${type.type}`
    case 'array':
      return ` type_id=${type.type} index_type_id=${type.indexType} nr_elems=${type.count}`
    case 'struct':
    case 'union':
      return ` size=${type.size} vlen=${type.members.length}`
    case 'enum':
    case 'enum64':
      return ` encoding=${type.signed ? 'SIGNED' : 'UNSIGNED'} size=${type.size} vlen=${type.values.length}`
    case 'fwd':
      return ` fwd_kind=${type.target}`
    case 'func':
      return ` type_id=${type.type} linkage=${type.linkage}`
    case 'func_proto':
      return ` ret_type_id=${type.returnType} vlen=${type.params.length + (type.variadic ? 1 : 0)}`
    case 'var':
      return ` type_id=${type.type}, linkage=${type.linkage}`
    case 'datasec':
      return ` size=${type.size} vlen=${type.variables.length}`
    case 'float':
      return ` size=${type.size}`
    case 'decl_tag':
      return ` type_id=${type.type} component_idx=${type.componentIndex}`
    case 'unknown':
      return ` kind=${type.kindNumber} vlen=${type.count} kind_flag=${type.kindFlag ? 1 : 0} value=${type.sizeOrType}`
    case 'void':
      return ''
  }
}

function encoding(type: BtfInt): string {
  return type.bool ? 'BOOL' : type.char ? 'CHAR' : type.signed ? 'SIGNED' : '(none)'
}

function partsOf(btf: Btf, type: BtfType): string[] {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return type.members.map(memberText)
    case 'enum':
      return type.values.map(({ name, value }) => `${quoted(name)} val=${value}`)
    case 'enum64':
      return type.values.map(({ name, value }) => `${quoted(name)} val=${value}${type.signed ? 'LL' : 'ULL'}`)
    case 'func_proto': {
      const params = type.params.map((param) => `${quoted(param.name)} type_id=${param.type}`)
      return type.variadic ? [...params, "'(anon)' type_id=0"] : params
    }
    case 'datasec':
      return type.variables.map(({ type: id, offset, size }) => {
        const variable = `${btf.kindOf(id).toUpperCase()} '${btf.nameOf(id)}'`
        return `type_id=${id} offset=${offset} size=${size} (${variable})`
      })
    default:
      return []
  }
}

function memberText({ name, type, bitOffset, bitSize }: BtfMember): string {
  return `${quoted(name)} type_id=${type} bits_offset=${bitOffset}${bitSize === 0 ? '' : ` bitfield_size=${bitSize}`}`
}
