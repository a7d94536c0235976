/**
 * The contract of a function, as its BTF states it: what each argument is, by its type and by the tags on it
 * (`__arg_ctx`, `__arg_nonnull` and their kind). Global functions are verified once, by this contract, and their calls
 * are checked against it.
 * @see https://docs.ebpf.io/linux/concepts/functions/#global-functions
 * @module
 */
import type { Btf, BtfFunc, BtfKind, BtfPtr, BtfType } from '../../btf/index.ts'
import { isAnybpfError } from '../../util/index.ts'
import type { Environment, GlobalArgument, SubprogramInfo } from '../environment.ts'
import { reject } from '../rejection.ts'
import { contextTagProblem, isContextPointer } from './context-argument.ts'
import { peel, tagsOf } from './function-info.ts'

const MAX_ARGUMENTS = 5

const TAGS: ReadonlySet<string> = new Set(['ctx', 'trusted', 'untrusted', 'nonnull', 'nullable', 'arena'])

/** Kinds of BTF types in the words of Linux's messages. */
export function kindText(kind: BtfKind): string {
  return kind === 'void' ? 'UNKNOWN' : kind.toUpperCase()
}

/** A static function that is not what BTF can state a contract of: no error, nothing is known of its arguments. */
class NoContract {}

/**
 * Finds out `subprogram.args`. They stay undefined for a static function without a usable contract; a global function
 * without one is refused (the fact `malformed` tells that its BTF is broken, and not only asks for what there is not).
 */
export function prepareArguments(env: Environment, subprogram: SubprogramInfo): readonly GlobalArgument[] | undefined {
  if (!subprogram.argsPrepared) {
    try {
      subprogram.args = contractOf(env, subprogram)
    } catch (error) {
      if (!(error instanceof NoContract)) throw error
    }
    subprogram.argsPrepared = true
  }
  return subprogram.args
}

const scalar: GlobalArgument = { kind: 'scalar', size: 0, btfType: 0, btf: undefined }

function contractOf(env: Environment, subprogram: SubprogramInfo): readonly GlobalArgument[] {
  const { btf } = env.program
  const isGlobal = subprogram.linkage !== 'static'
  const fault = (message: string, malformed = false): never => {
    if (!isGlobal) throw new NoContract()
    return reject('invalid_btf', message, { subprogram: subprogram.index, malformed })
  }
  const func = subprogram.btfType === undefined ? undefined : btf?.get(subprogram.btfType)
  if (btf === undefined || func === undefined) return fault('Global functions need valid BTF', true)
  if (func.kind !== 'func') return fault(`BTF of func#${subprogram.index} doesn't point to KIND_FUNC`, true)
  const prototype = btf.get(func.type)
  if (prototype?.kind !== 'func_proto') return fault(`Invalid type of function ${func.name}()`, true)
  // An ellipsis counts as a parameter.
  const count = prototype.params.length + (prototype.variadic ? 1 : 0)
  if (count > MAX_ARGUMENTS) {
    return fault(`Global function ${func.name}() with ${count} > ${MAX_ARGUMENTS} args. Buggy compiler.`)
  }
  const result = peel(btf, prototype.returnType)
  if (!isScalarType(result)) {
    return fault(`Global function ${func.name}() doesn't return scalar. Only those are supported.`)
  }
  const args = prototype.params.map((param, i) => new Parameter(env, btf, func, param.type, i, isGlobal).contract())
  if (prototype.variadic) return fault(`Arg#${args.length} type UNKNOWN in ${func.name}() is not supported yet.`)
  return args
}

function isScalarType(type: BtfType | undefined): boolean {
  return type?.kind === 'int' || type?.kind === 'enum' || type?.kind === 'enum64'
}

/** One parameter of a function. */
class Parameter {
  private readonly env: Environment
  private readonly btf: Btf
  private readonly func: BtfFunc
  private readonly typeId: number
  private readonly index: number
  private readonly isGlobal: boolean

  constructor(env: Environment, btf: Btf, func: BtfFunc, typeId: number, index: number, isGlobal: boolean) {
    this.env = env
    this.btf = btf
    this.func = func
    this.typeId = typeId
    this.index = index
    this.isGlobal = isGlobal
  }

  contract(): GlobalArgument {
    const tags = this.tags()
    const type = peel(this.btf, this.typeId)
    if (type?.kind === 'ptr') {
      const argument = this.pointer(type, tags)
      if (argument !== undefined) return argument
    }
    if (tags.size > 0) this.fault(`arg#${this.index} has pointer tag, but is not a pointer type`)
    if (isScalarType(type)) return scalar
    if (!this.isGlobal) throw new NoContract()
    return this.fault(
      `Arg#${this.index} type ${kindText(type?.kind ?? 'void')} in ${this.func.name}() is not supported yet.`,
    )
  }

  private tags(): ReadonlySet<string> {
    const tags = tagsOf(this.btf, this.func.id, this.index, 'arg:')
    if (tags.length > 0 && !this.isGlobal) {
      this.fault(`arg#${this.index} type tag is not supported in static functions`)
    }
    if (tags.some((tag) => !TAGS.has(tag))) this.fault(`arg#${this.index} has unsupported set of tags`)
    return new Set(tags)
  }

  /** Undefined for a pointer of a static function that nothing more is known of. */
  private pointer(pointer: BtfPtr, tags: ReadonlySet<string>): GlobalArgument | undefined {
    const { btf, index } = this
    const { type: programType, attachType } = this.env.program
    const only = (tag: string): boolean => tags.size === (tags.has(tag) ? 1 : 0)
    if (tags.has('ctx') || isContextPointer(btf, pointer, programType)) {
      if (!only('ctx')) this.fault(`arg#${index} has invalid combination of tags`)
      const problem = tags.has('ctx') ? contextTagProblem(btf, pointer, index, programType, attachType) : undefined
      if (problem !== undefined) this.fault(problem)
      return { kind: 'ctx', size: 0, btfType: 0, btf: undefined }
    }
    const target = peel(btf, pointer.type)
    if (target?.kind === 'struct' && target.name === 'bpf_dynptr') {
      if (tags.size > 0) this.fault(`arg#${index} has invalid combination of tags`)
      return { kind: 'dynptr', size: 0, btfType: 0, btf: undefined }
    }
    if (tags.has('trusted')) {
      if (tags.has('nonnull')) this.fault(`arg#${index} has invalid combination of tags`)
      const kind = tags.has('nullable') ? 'trusted_btf_or_null' : 'trusted_btf'
      return { kind, size: 0, btfType: this.kernelType(target), btf: this.env.kernelBtf }
    }
    if (tags.has('untrusted')) return this.untrusted(target, only('untrusted'))
    if (tags.has('arena')) {
      if (!only('arena')) this.fault(`arg#${index} arena cannot be combined with any other tags`)
      return { kind: 'arena', size: 0, btfType: 0, btf: undefined }
    }
    if (!this.isGlobal) return undefined
    if (tags.has('nullable')) this.fault(`arg#${index} has invalid combination of tags`)
    return { kind: tags.has('nonnull') ? 'mem' : 'mem_or_null', size: this.sizeOf(target), btfType: 0, btf: undefined }
  }

  private untrusted(target: BtfType | undefined, alone: boolean): GlobalArgument {
    const { index } = this
    if (!alone) this.fault(`arg#${index} untrusted cannot be combined with any other tags`)
    if (target?.kind === 'void' || isScalarType(target)) {
      return { kind: 'untrusted_mem', size: 0, btfType: 0, btf: undefined }
    }
    const btfType = this.kernelType(target)
    const kernelType = this.env.kernelBtf!.get(btfType)!
    if (kernelType.kind !== 'struct' && kernelType.kind !== 'union') {
      this.fault(
        `arg#${index} has type ${kindText(kernelType.kind)} '', but only struct or primitive types are allowed`,
      )
    }
    return { kind: 'untrusted_btf', size: 0, btfType, btf: this.env.kernelBtf }
  }

  /** The one type of the kernel that has this name and kind. */
  private kernelType(target: BtfType | undefined): number {
    const kind = target?.kind ?? 'void'
    const name = (target?.name ?? '').replace(/___.*$/, '')
    if (name === '') {
      this.fault(`arg#${this.index} reference type('${kindText(kind)} (anon)') candidate matching error: -22`)
    }
    const found = (this.env.kernelBtf?.findAll(name) ?? []).filter((one) => one.kind === kind)
    if (found.length !== 1) {
      const problem = found.length === 0 ? 'has no matches' : 'is ambiguous'
      this.fault(`arg#${this.index} reference type('${kindText(kind)} ${target?.name ?? ''}') ${problem}`)
    }
    return found[0]!.id
  }

  private sizeOf(target: BtfType | undefined): number {
    try {
      if (target !== undefined) return this.btf.sizeOf(target.id)
    } catch (error) {
      if (!isAnybpfError(error)) throw error
    }
    const text = `${kindText(target?.kind ?? 'void')} ${target?.name ?? ''}`
    return this.fault(`arg#${this.index} reference type('${text}') size cannot be determined: -22`)
  }

  private fault(message: string): never {
    return reject('invalid_btf', message, { arg: this.index })
  }
}
