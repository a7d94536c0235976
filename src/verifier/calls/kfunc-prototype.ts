/**
 * Prototypes of kernel functions: from the kernel's BTF where that is given, else from the C text of the platform's table.
 * @see https://docs.kernel.org/bpf/kfuncs.html
 * @module
 */
import type { Btf, BtfType } from '../../btf/index.ts'
import type { KfuncSpec } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import type { BtfTypeRef } from '../state.ts'
import { kernelFunctionPrototype } from '../structure/kernel-functions.ts'
import { kernelType, typeRef } from './btf-match.ts'

/** What a pointer points at. `word` is the kind of type as Linux's messages write it. */
export type Pointee =
  | { readonly kind: 'void' }
  | { readonly kind: 'scalar'; readonly size: number; readonly word: string; readonly name: string }
  | { readonly kind: 'struct'; readonly word: string; readonly name: string; readonly ref: BtfTypeRef }
  | { readonly kind: 'function' }
  | { readonly kind: 'other'; readonly word: string; readonly name: string }

export type KfuncType =
  | { readonly kind: 'void' }
  | { readonly kind: 'scalar'; readonly size: number }
  | { readonly kind: 'pointer'; readonly to: Pointee }
  | { readonly kind: 'other'; readonly word: string }

export interface KfuncParam {
  readonly name: string
  readonly type: KfuncType
}

export interface KfuncPrototype {
  readonly params: readonly KfuncParam[]
  readonly returns: KfuncType
}

const WORDS: Readonly<Partial<Record<BtfType['kind'], string>>> = {
  void: 'UNKNOWN',
  func_proto: 'FUNC_PROTO',
}

function wordOf(type: BtfType): string {
  return WORDS[type.kind] ?? type.kind.toUpperCase()
}

const isScalar = (type: BtfType): boolean => type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64'

function pointeeOf(btf: Btf, id: number): Pointee {
  const type = btf.resolve(id)
  const word = wordOf(type)
  const { name } = type
  if (type.kind === 'void') return { kind: 'void' }
  if (type.kind === 'func_proto') return { kind: 'function' }
  if (isScalar(type)) return { kind: 'scalar', size: btf.sizeOf(type.id), word, name }
  if (type.kind === 'struct' || type.kind === 'union') return { kind: 'struct', word, name, ref: typeRef(btf, type.id) }
  return { kind: 'other', word, name }
}

function typeOf(btf: Btf, id: number): KfuncType {
  const type = btf.resolve(id)
  if (type.kind === 'void') return { kind: 'void' }
  if (isScalar(type)) return { kind: 'scalar', size: btf.sizeOf(type.id) }
  if (type.kind === 'ptr') return { kind: 'pointer', to: pointeeOf(btf, type.type) }
  return { kind: 'other', word: wordOf(type) }
}

const C_SIZES: ReadonlyMap<string, number> = new Map(
  Object.entries({ bool: 1, char: 1, u8: 1, s8: 1, u16: 2, s16: 2, int: 4, u32: 4, s32: 4, 'unsigned int': 4 }).concat(
    Object.entries({ u64: 8, s64: 8, __u64: 8, long: 8, size_t: 8, 'unsigned long': 8 }),
  ),
)

/** `const struct bpf_dynptr *p`, `u32 flags`, `bpf_callback_t less`; without a name where it is a result. */
function parseC(env: Environment, text: string): KfuncType {
  const base = text
    .replace(/\bconst\b|\*/g, ' ')
    .trim()
    .replace(/\s+/g, ' ')
  const stars = text.split('*').length - 1
  const [word, tag] = base.split(' ')
  const aggregate = word === 'struct' || word === 'union'
  const size = word === 'enum' ? 4 : C_SIZES.get(base)
  if (stars === 0) {
    if (base === 'void') return { kind: 'void' }
    if (base === 'bpf_callback_t') return { kind: 'pointer', to: { kind: 'function' } }
    return size === undefined ? { kind: 'other', word: base } : { kind: 'scalar', size }
  }
  if (stars > 1) return { kind: 'pointer', to: { kind: 'other', word: 'PTR', name: '' } }
  if (base === 'void') return { kind: 'pointer', to: { kind: 'void' } }
  if (aggregate && tag !== undefined) {
    return { kind: 'pointer', to: { kind: 'struct', word: word.toUpperCase(), name: tag, ref: kernelType(env, tag) } }
  }
  if (size !== undefined) return { kind: 'pointer', to: { kind: 'scalar', size, word: 'INT', name: base } }
  return { kind: 'pointer', to: { kind: 'other', word: 'UNKNOWN', name: base } }
}

const C_PROTOTYPE = /^(.*?)(\w+)\((.*)\)$/
const C_PARAM = /^(.*?)(\w+)$/

function parsePrototype(env: Environment, text: string): KfuncPrototype | undefined {
  const [, result, , list] = C_PROTOTYPE.exec(text) ?? []
  if (result === undefined || list === undefined) return undefined
  const params = list === '' || list === 'void' ? [] : list.split(', ')
  return {
    params: params.map((param) => {
      const [, type, name] = C_PARAM.exec(param) ?? [param, param, '']
      return { name: name!, type: parseC(env, type!) }
    }),
    returns: parseC(env, result),
  }
}

const PROTOTYPES = new WeakMap<Environment, Map<string, KfuncPrototype>>()

/** What a kernel function takes and returns. Undefined if neither BTF nor the table says. */
export function kfuncPrototype(env: Environment, kfunc: KfuncSpec): KfuncPrototype | undefined {
  let known = PROTOTYPES.get(env)
  if (known === undefined) {
    known = new Map()
    PROTOTYPES.set(env, known)
  }
  let prototype = known.get(kfunc.name)
  if (prototype !== undefined) return prototype
  const func = kernelFunctionPrototype(env, kfunc.name)
  const btf = env.kernelBtf
  prototype =
    func === undefined || btf === undefined
      ? parsePrototype(env, kfunc.prototype)
      : {
          params: func.params.map((param) => ({ name: param.name, type: typeOf(btf, param.type) })),
          returns: typeOf(btf, func.returnType),
        }
  if (prototype !== undefined) known.set(kfunc.name, prototype)
  return prototype
}

/** The name ends so: `buffer__szk`. */
export function hasSuffix(param: KfuncParam, suffix: string): boolean {
  return param.name.length > suffix.length && param.name.endsWith(suffix)
}
