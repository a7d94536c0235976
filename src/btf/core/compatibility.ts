/**
 * When a type of the program and one of the kernel are taken for the same thing. There are three relations, from loose
 * to strict: two fields may hold the same (`fieldsCompatible`), two types are of the same make (`typesCompatible`), one
 * type has all that the other has (`typesMatch`). All see through typedefs and qualifiers.
 *
 * Types are untrusted, and a short list of them may describe a tree that nobody walks to its end: steps are counted.
 * @see https://docs.kernel.org/bpf/llvm_reloc.html#co-re-relocations
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import type { Btf } from '../btf.ts'
import type { BtfEnum, BtfEnum64, BtfFuncProto, BtfKind, BtfStruct, BtfType, BtfTypeId } from '../types.ts'
import { essentialName } from './names.ts'

/** Pointers, arrays and return types that are followed in a row, and prototypes and structs inside of each other. */
const MAX_DEPTH = 32

/** How much one relocation may look at. The largest kernel struct with all that is nested in it takes a thousandth. */
const MAX_STEPS = 10_000_000

/** Counts what one relocation looks at. */
export class CoreSteps {
  private left = MAX_STEPS

  take(count = 1): void {
    this.left -= count
    if (this.left < 0)
      throw new AnybpfError('ERR_LIMIT', `a CO-RE relocation leads through more than ${MAX_STEPS} types`)
  }
}

/** The two sides of a comparison: the program's types, and the target's. */
export interface CoreSides {
  readonly local: Btf
  readonly target: Btf
  readonly steps: CoreSteps
}

/** Same kind; the two kinds of enum count as one. */
export function kindsCompatible(a: BtfKind, b: BtfKind): boolean {
  return a === b || (isEnumKind(a) && isEnumKind(b))
}

function isEnumKind(kind: BtfKind): boolean {
  return kind === 'enum' || kind === 'enum64'
}

export function isEnum(type: BtfType): type is BtfEnum | BtfEnum64 {
  return type.kind === 'enum' || type.kind === 'enum64'
}

export function isComposite(type: BtfType): type is BtfStruct {
  return type.kind === 'struct' || type.kind === 'union'
}

/**
 * Whether a field of the target may stand for one of the program. Structs and unions do for each other, pointers for any
 * pointers, integers for any integers; enums and declarations need the same name, or none.
 */
export function fieldsCompatible(sides: CoreSides, localId: BtfTypeId, targetId: BtfTypeId): boolean {
  const { local, target, steps } = sides
  for (let l = local.resolve(localId), t = target.resolve(targetId); ; ) {
    steps.take()
    if (isComposite(l) && isComposite(t)) return true
    if (!kindsCompatible(l.kind, t.kind)) return false
    switch (l.kind) {
      case 'ptr':
      case 'float':
        return true
      case 'fwd':
      case 'enum':
      case 'enum64': {
        const [localName, targetName] = [essentialName(l.name), essentialName(t.name)]
        return localName === '' || targetName === '' || localName === targetName
      }
      case 'int':
        return noOffsets(l, t)
      case 'array':
        if (t.kind !== 'array') return false
        l = local.resolve(l.type)
        t = target.resolve(t.type)
        break
      default:
        return false
    }
  }
}

/** Integers that begin inside their bytes, as compilers once described bit fields, are compared with nothing. */
function noOffsets(l: BtfType, t: BtfType): boolean {
  return l.kind === 'int' && t.kind === 'int' && l.offset === 0 && t.offset === 0
}

/**
 * Whether two types, whose names agree, are of the same make: of the same kind, and so what they point to, consist of,
 * take and return. What is in structs and enums, and how wide integers are, does not matter.
 */
export function typesCompatible(sides: CoreSides, localId: BtfTypeId, targetId: BtfTypeId, level = MAX_DEPTH): boolean {
  const { local, target, steps } = sides
  if (!kindsCompatible(local.kindOf(localId), target.kindOf(targetId))) return false
  let [l, t] = [local.resolve(localId), target.resolve(targetId)]
  for (let depth = 0; ; depth++) {
    steps.take()
    if (depth >= MAX_DEPTH) throw tooDeep()
    if (!kindsCompatible(l.kind, t.kind)) return false
    switch (l.kind) {
      case 'void':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'fwd':
        return true
      case 'int':
        return noOffsets(l, t)
      case 'ptr':
      case 'array':
        l = local.resolve(l.type)
        t = target.resolve((t as typeof l & { type: BtfTypeId }).type)
        break
      case 'func_proto': {
        const [localParams, targetParams] = [paramTypes(l), paramTypes(t as BtfFuncProto)]
        if (localParams.length !== targetParams.length) return false
        for (const [i, param] of localParams.entries()) {
          if (level <= 0) throw tooDeep()
          const [a, b] = [local.resolve(param).id, target.resolve(targetParams[i]!).id]
          if (!typesCompatible(sides, a, b, level - 1)) return false
        }
        l = local.resolve(l.returnType)
        t = target.resolve((t as BtfFuncProto).returnType)
        break
      }
      default:
        return false
    }
  }
}

/** Types of the parameters; `...` is one without a type. */
function paramTypes({ params, variadic }: BtfFuncProto): BtfTypeId[] {
  const types = params.map(({ type }) => type)
  return variadic ? [...types, 0] : types
}

function tooDeep(): AnybpfError {
  return new AnybpfError('ERR_RELOCATION', `types are nested deeper than ${MAX_DEPTH}`)
}

/**
 * Whether the target's type has all that the program's has: members by name and of matching types, enumerators by name,
 * integers of the same size and sign. Behind a pointer only names and kinds of structs are compared, and a mere
 * declaration will do.
 */
export function typesMatch(sides: CoreSides, localId: BtfTypeId, targetId: BtfTypeId): boolean {
  return matchTypes(sides, localId, targetId, false, MAX_DEPTH)
}

function matchTypes(
  sides: CoreSides,
  localId: BtfTypeId,
  targetId: BtfTypeId,
  behindPointer: boolean,
  level: number,
): boolean {
  if (level <= 0) throw tooDeep()
  const { local, target, steps } = sides
  let [l, t] = [local.resolve(localId), target.resolve(targetId)]
  let behind = behindPointer
  for (let depth = 0; ; depth++) {
    steps.take()
    if (depth >= MAX_DEPTH) throw tooDeep()
    if (!namesMatch(l.name, t.name)) return false
    switch (l.kind) {
      case 'void':
        return t.kind === 'void'
      case 'fwd':
        if (t.kind === 'fwd') return l.target === t.target
        return behind && t.kind === l.target
      case 'enum':
      case 'enum64':
        return isEnum(t) && enumsMatch(sides, l, t)
      case 'struct':
      case 'union':
        if (behind) return t.kind === l.kind || (t.kind === 'fwd' && t.target === l.kind)
        return isComposite(t) && t.kind === l.kind && membersMatch(sides, l, t, level)
      case 'int':
        return t.kind === 'int' && l.size === t.size && l.signed === t.signed
      case 'ptr':
        if (t.kind !== 'ptr') return false
        behind = true
        l = local.resolve(l.type)
        t = target.resolve(t.type)
        break
      case 'array':
        if (t.kind !== 'array' || l.count !== t.count) return false
        l = local.resolve(l.type)
        t = target.resolve(t.type)
        break
      case 'func_proto': {
        if (t.kind !== 'func_proto') return false
        const [localParams, targetParams] = [paramTypes(l), paramTypes(t)]
        if (localParams.length !== targetParams.length) return false
        for (const [i, param] of localParams.entries()) {
          if (!matchTypes(sides, param, targetParams[i]!, behind, level - 1)) return false
        }
        l = local.resolve(l.returnType)
        t = target.resolve(t.returnType)
        break
      }
      default:
        return false
    }
  }
}

function namesMatch(local: string, target: string): boolean {
  return local === target || essentialName(local) === essentialName(target)
}

function enumsMatch({ steps }: CoreSides, local: BtfEnum | BtfEnum64, target: BtfEnum | BtfEnum64): boolean {
  if (local.size !== target.size || local.values.length > target.values.length) return false
  steps.take(local.values.length + target.values.length)
  const names = new Set(target.values.map(({ name }) => essentialName(name)))
  return local.values.every(({ name }) => names.has(essentialName(name)))
}

function membersMatch(sides: CoreSides, local: BtfStruct, target: BtfStruct, level: number): boolean {
  if (local.members.length > target.members.length) return false
  for (const { name, type } of local.members) {
    sides.steps.take(target.members.length)
    const found = target.members.some(
      (member) => namesMatch(name, member.name) && matchTypes(sides, type, member.type, false, level - 1),
    )
    if (!found) return false
  }
  return true
}
