/**
 * Arguments of kernel functions. What is asked of them follows from the types and names of the parameters, and from what
 * the register holds.
 * @see https://docs.kernel.org/bpf/kfuncs.html
 * @module
 */
import { type KfuncSpec, LINUX_ITERATOR_SIZES } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { markPrecise } from '../explore/precision.ts'
import { checkHelperMemory, checkMemorySize } from '../memory/helper-access.ts'
import { Rejection, reject } from '../rejection.ts'
import { isNullConstant, type Reg } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  maybeNull,
  NON_OWN_REF,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  regTypeName,
  SCALAR_VALUE,
  typeFlags,
} from '../types.ts'
import { kernelType, structIdsMatch, typeName } from './btf-match.ts'
import { inTreeCallback } from './callback.ts'
import { checkConstantString } from './const-string.ts'
import type { CallContext } from './context.ts'
import { checkDynptrArgument, dynptrAt } from './dynptr.ts'
import { dynptrInfo } from './dynptr-slots.ts'
import { checkTimer } from './fields.ts'
import { checkNode, checkRoot } from './graph.ts'
import { checkIrqFlag } from './irq.ts'
import { checkIterator } from './iterator.ts'
import { hasSuffix, type KfuncParam, type KfuncPrototype, type Pointee } from './kfunc-prototype.ts'
import { checkSpinLock } from './locks.ts'
import { notNull } from './null.ts'
import { checkArgumentOffset, isTrusted, STRUCTS_OF_BASES, TRUSTED_FLAGS } from './pointers.ts'
import { findField, mapRecord, regRecord } from './record.ts'
import { isScalarStruct } from './scalar-struct.ts'

type ArgumentKind =
  | 'ctx'
  | 'null'
  | 'alloc'
  | 'refcounted'
  | 'dynptr'
  | 'iter'
  | 'list_head'
  | 'list_node'
  | 'rb_root'
  | 'rb_node'
  | 'const_str'
  | 'map'
  | 'wq'
  | 'task_work'
  | 'irq_flag'
  | 'res_spin_lock'
  | 'btf'
  | 'callback'
  | 'mem'
  | 'mem_size'

/** By name of the structure that the parameter points to. */
const KINDS_OF_STRUCTS: ReadonlyMap<string, ArgumentKind> = new Map<string, ArgumentKind>([
  ['bpf_list_head', 'list_head'],
  ['bpf_list_node', 'list_node'],
  ['bpf_rb_root', 'rb_root'],
  ['bpf_rb_node', 'rb_node'],
])

const LATER_KINDS_OF_STRUCTS: ReadonlyMap<string, ArgumentKind> = new Map<string, ArgumentKind>([
  ['bpf_wq', 'wq'],
  ['bpf_task_work', 'task_work'],
])

/** A context as programs see it, and the kernel's structure behind it. */
const PROJECTIONS: ReadonlyMap<string, string> = new Map([
  ['__sk_buff', 'sk_buff'],
  ['xdp_md', 'xdp_buff'],
])

function isContext(env: Environment, to: Pointee): boolean {
  const context = env.programType.context?.name
  return to.kind === 'struct' && context !== undefined && (to.name === context || to.name === PROJECTIONS.get(context))
}

/** The call of one kernel function: what its checks share. */
class KfuncArguments {
  private readonly env: Environment
  private readonly kfunc: KfuncSpec
  private readonly params: readonly KfuncParam[]
  private readonly call: CallContext

  constructor(env: Environment, kfunc: KfuncSpec, prototype: KfuncPrototype, call: CallContext) {
    this.env = env
    this.kfunc = kfunc
    this.params = prototype.params
    this.call = call
  }

  private has(flag: KfuncSpec['flags'][number]): boolean {
    return this.kfunc.flags.includes(flag)
  }

  check(): void {
    const { env, kfunc, params, call } = this
    if (params.length > 5) {
      reject('too_many_arguments', `Function ${kfunc.name} has ${params.length} > 5 args`)
    }
    for (let i = 0; i < params.length; i++) {
      const param = params[i]!
      if (hasSuffix(param, '__ign') || hasSuffix(param, '__prog')) continue
      const reg = env.cur.reg(i + 1)
      if (param.type.kind === 'scalar') this.checkScalar(i, param, reg)
      else if (param.type.kind === 'pointer') i += this.checkPointer(i, param, param.type.to, reg)
      else
        reject(
          'argument_type',
          `Unrecognized arg#${i} type ${param.type.kind === 'other' ? param.type.word : 'UNKNOWN'}`,
        )
    }
    if (this.has('release') && call.releaseRegno === 0) {
      reject('invalid_release', `release kernel function ${kfunc.name} expects refcounted PTR_TO_BTF_ID`)
    }
  }

  private checkScalar(i: number, param: KfuncParam, reg: Reg): void {
    const { env, call } = this
    const regno = i + 1
    const facts = { regno }
    if (reg.type !== SCALAR_VALUE) reject('argument_type', `R${regno} is not a scalar`, facts)
    if (hasSuffix(param, '__k')) {
      if (!reg.scalar.isConstant) reject('argument_value', `R${regno} must be a known constant`, facts)
      markPrecise(env, regno)
      call.constant = reg.scalar
    } else if (param.name === 'rdonly_buf_size' || param.name === 'rdwr_buf_size') {
      if (!reg.scalar.isConstant) reject('argument_value', `R${regno} is not a const`, facts)
      call.bufferSize = reg.scalar.constant
      call.bufferReadOnly = param.name === 'rdonly_buf_size'
      markPrecise(env, regno)
    }
  }

  /** How many arguments more than this one were looked at. */
  private checkPointer(i: number, param: KfuncParam, to: Pointee, reg: Reg): number {
    const { env, call } = this
    const regno = i + 1
    const trusted = this.has('trusted_args') || this.has('release')
    if (
      (trusted || this.has('rcu')) &&
      (isNullConstant(reg) || maybeNull(reg.type)) &&
      !hasSuffix(param, '__nullable')
    ) {
      reject('argument_null', `Possibly NULL pointer passed to trusted arg${i}`, { regno })
    }
    if (reg.refObjId !== 0) {
      call.refObjId = reg.refObjId
      if (this.has('release')) call.releaseRegno = regno
    }
    const kind = this.kindOf(i, param, to, reg)
    if (kind === 'null') return 0
    if (kind === 'map') this.noteMap(regno, reg)
    if ((kind === 'map' || kind === 'alloc' || kind === 'btf') && (trusted || this.has('rcu')))
      this.checkTrust(regno, reg)
    checkArgumentOffset(env, reg, regno, this.has('release') && reg.refObjId !== 0 ? 'release' : 'plain')
    return this.checkKind(kind, i, param, to, reg)
  }

  private checkTrust(regno: number, reg: Reg): void {
    if (isTrusted(reg)) return
    if (!this.has('rcu')) reject('argument_type', `R${regno} must be referenced or trusted`, { regno })
    if ((reg.type & MEM_RCU) === 0) reject('argument_type', `R${regno} must be a rcu pointer`, { regno })
  }

  private isSizeOf(i: number): boolean {
    const size = this.params[i + 1]
    if (size === undefined || size.type.kind !== 'scalar') return false
    if (this.env.cur.reg(i + 2).type !== SCALAR_VALUE) return false
    return hasSuffix(size, '__sz') || hasSuffix(size, '__szk')
  }

  private kindOf(i: number, param: KfuncParam, to: Pointee, reg: Reg): ArgumentKind {
    const struct = to.kind === 'struct' ? to.name : undefined
    if (this.kfunc.name === 'bpf_cast_to_kern_ctx' || isContext(this.env, to)) return 'ctx'
    if (hasSuffix(param, '__nullable') && isNullConstant(reg)) return 'null'
    if (hasSuffix(param, '__alloc')) return 'alloc'
    if (hasSuffix(param, '__refcounted_kptr')) return 'refcounted'
    if (struct === 'bpf_dynptr') return 'dynptr'
    const iterates = this.has('iter_new') || this.has('iter_next') || this.has('iter_destroy')
    if (iterates ? i === 0 : hasSuffix(param, '__iter')) return 'iter'
    const graph = KINDS_OF_STRUCTS.get(struct ?? '')
    if (graph !== undefined) return graph
    if (hasSuffix(param, '__str')) return 'const_str'
    if (hasSuffix(param, '__map')) return 'map'
    const later = LATER_KINDS_OF_STRUCTS.get(struct ?? '')
    if (later !== undefined) return later
    if (hasSuffix(param, '__irq_flag')) return 'irq_flag'
    if (struct === 'bpf_res_spin_lock') return 'res_spin_lock'
    const base = baseType(reg.type)
    if (base === PTR_TO_BTF_ID || STRUCTS_OF_BASES.has(base)) {
      if (to.kind !== 'struct') {
        const what = `${'word' in to ? to.word : 'UNKNOWN'} ${'name' in to ? to.name : ''}`
        reject('argument_type', `kernel function ${this.kfunc.name} args#${i} pointer type ${what} is not supported`)
      }
      return 'btf'
    }
    if (to.kind === 'function') return 'callback'
    const sized = this.isSizeOf(i)
    const messages: string[] = []
    const isPlainStruct = to.kind === 'struct' && isScalarStruct(to.ref, messages)
    if (to.kind !== 'scalar' && !isPlainStruct && !(sized && to.kind === 'void')) {
      const what = `${'word' in to ? to.word : 'UNKNOWN'} ${'name' in to ? to.name : ''}`
      const may = `must point to ${sized ? 'void, ' : ''}scalar, or struct with scalar`
      reject('argument_type', [...messages, `arg#${i} pointer type ${what} ${may}`], { regno: i + 1 })
    }
    return sized ? 'mem_size' : 'mem'
  }

  private noteMap(regno: number, reg: Reg): void {
    const { call } = this
    if (baseType(reg.type) !== CONST_PTR_TO_MAP) {
      reject('argument_type', `pointer in R${regno} isn't map pointer`, { regno })
    }
    const { map } = reg
    if (call.map !== undefined && (call.map !== map || call.mapUid !== reg.aux)) {
      const uids = `map_uid=${call.mapUid} doesn't match map pointer in`
      if (findField(mapRecord(map), 'task_work') !== undefined) {
        reject('map_mismatch', `bpf_task_work pointer in R2 ${uids} R3 map_uid=${reg.aux}`, { regno })
      }
      if (findField(mapRecord(map), 'wq') !== undefined) {
        reject('map_mismatch', `workqueue pointer in R1 ${uids} R2 map_uid=${reg.aux}`, { regno })
      }
    }
    call.map = map
    call.mapUid = reg.aux
  }

  private checkKind(kind: ArgumentKind, i: number, param: KfuncParam, to: Pointee, reg: Reg): number {
    const { env, call } = this
    const { name } = this.kfunc
    const regno = i + 1
    const facts = { regno }
    switch (kind) {
      case 'ctx':
        if (reg.type === PTR_TO_CTX) return 0
        return reject('argument_type', `arg#${i} expected pointer to ctx, but got ${regTypeName(reg.type)}`, facts)
      case 'alloc':
        this.checkAllocated(i, reg)
        return 0
      case 'dynptr':
        this.checkDynptr(regno, param, reg)
        return 0
      case 'iter':
        this.checkIterator(regno, to)
        return 0
      case 'list_head':
      case 'rb_root':
        checkRoot(env, regno, kind, call)
        return 0
      case 'rb_node':
        if (name !== 'bpf_rbtree_add_impl' && inTreeCallback(env)) {
          reject('callback', `${name} not allowed in rbtree cb`, facts)
        }
        checkNode(env, regno, kind, name, call)
        return 0
      case 'list_node':
        checkNode(env, regno, kind, name, call)
        return 0
      case 'map':
        this.checkBtf(i, { kind: 'struct', word: 'STRUCT', name: 'bpf_map', ref: kernelType(env, 'bpf_map') }, reg)
        return 0
      case 'btf':
        this.checkBtf(i, to as Pointee & { kind: 'struct' }, reg)
        return 0
      case 'mem':
        this.checkMemory(regno, to, reg)
        return 0
      case 'mem_size':
        this.checkSizedMemory(i, param, reg)
        return 1
      case 'callback':
        if (reg.type !== PTR_TO_FUNC) reject('argument_type', `arg${i} expected pointer to func`, facts)
        call.subprogno = reg.aux
        return 0
      case 'refcounted':
        this.checkRefcounted(i, reg)
        return 0
      case 'const_str':
        if (reg.type !== PTR_TO_MAP_VALUE) reject('argument_type', `arg#${i} doesn't point to a const string`, facts)
        checkConstantString(env, reg, regno)
        return 0
      case 'wq':
      case 'task_work':
        if (reg.type !== PTR_TO_MAP_VALUE) reject('argument_type', `arg#${i} doesn't point to a map value`, facts)
        checkTimer(env, reg, regno, kind, call)
        return 0
      case 'irq_flag':
        if (reg.type !== PTR_TO_STACK) {
          reject('argument_type', `arg#${i} doesn't point to an irq flag on stack`, facts)
        }
        checkIrqFlag(env, regno, name)
        return 0
      case 'res_spin_lock': {
        if (reg.type !== PTR_TO_MAP_VALUE && reg.type !== (PTR_TO_BTF_ID | MEM_ALLOC)) {
          reject('argument_type', `arg#${i} doesn't point to map value or allocated object`, facts)
        }
        const irq = name.endsWith('_irqsave') || name.endsWith('_irqrestore')
        checkSpinLock(env, regno, irq ? 'res_lock_irq' : 'res_lock', !name.includes('_unlock'))
        return 0
      }
      default:
        return 0
    }
  }

  private checkAllocated(i: number, reg: Reg): void {
    const { name } = this.kfunc
    const facts = { regno: i + 1 }
    if (reg.type === (PTR_TO_BTF_ID | MEM_ALLOC)) {
      if (name !== 'bpf_obj_drop_impl') reject('argument_type', `arg#${i} expected for bpf_obj_drop_impl()`, facts)
    } else if (reg.type === (PTR_TO_BTF_ID | MEM_ALLOC | MEM_PERCPU)) {
      if (name !== 'bpf_percpu_obj_drop_impl') {
        reject('argument_type', `arg#${i} expected for bpf_percpu_obj_drop_impl()`, facts)
      }
    } else {
      reject('argument_type', `arg#${i} expected pointer to allocated object`, facts)
    }
    if (reg.refObjId === 0) reject('argument_type', 'allocated object must be referenced', facts)
    this.call.objectType = reg.btf
  }

  private checkDynptr(regno: number, param: KfuncParam, reg: Reg): void {
    const { env, call } = this
    const { name } = this.kfunc
    const uninit = hasSuffix(param, '__uninit')
    const parent = call.dynptr
    const made =
      name === 'bpf_dynptr_from_skb'
        ? 'skb'
        : name === 'bpf_dynptr_from_xdp'
          ? 'xdp'
          : name === 'bpf_dynptr_from_skb_meta'
            ? 'skb_meta'
            : name === 'bpf_dynptr_clone' && uninit && parent !== undefined
              ? dynptrInfo(parent).dynptr
              : undefined
    checkDynptrArgument(env, regno, {
      uninit,
      readOnly: reg.type === CONST_PTR_TO_DYNPTR,
      type: made,
      cloneOf: made !== undefined && parent !== undefined ? parent.refObjId : undefined,
    })
    if (!uninit) call.dynptr = dynptrAt(env, env.cur.reg(regno))
  }

  private checkIterator(regno: number, to: Pointee): void {
    const { env, kfunc, call } = this
    if (to.kind !== 'struct') {
      reject('iterator', `expected valid iter pointer as arg #${regno - 1}`, { regno })
    }
    if (kfunc.name === 'bpf_iter_css_task_new') {
      const { type, attachType } = env.program
      if (type !== 'lsm' && !(type === 'tracing' && attachType === 'trace_iter') && !env.cur.inSleepable) {
        reject('iterator', 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs', { regno })
      }
    }
    const size = LINUX_ITERATOR_SIZES.get(to.name) ?? to.ref.btf.sizeOf(to.ref.id)
    checkIterator(env, regno, to.name, size, kfunc, call)
  }

  private checkBtf(i: number, to: Pointee & { readonly kind: 'struct' }, reg: Reg): void {
    const { env, kfunc } = this
    const base = baseType(reg.type)
    const other = STRUCTS_OF_BASES.get(base)
    const unsafe = (typeFlags(reg.type) & ~TRUSTED_FLAGS) !== 0 && (reg.type & MEM_RCU) === 0
    if ((base !== PTR_TO_BTF_ID || unsafe) && other === undefined) {
      const safe = regTypeName(base | (typeFlags(reg.type) & TRUSTED_FLAGS))
      reject('argument_type', `arg#${i} is ${regTypeName(reg.type)} expected ${safe} or socket`, { regno: i + 1 })
    }
    const ref = other === undefined ? reg.btf : kernelType(env, other)
    const strict = (this.has('release') && reg.refObjId !== 0) || isAlias(typeName(ref), to.name)
    if (structIdsMatch(ref, reg.off, to.ref, strict)) return
    // A function that takes a projection can only cast it.
    if (PROJECTIONS.get(to.name) === typeName(ref)) return
    const has = `R${i + 1} has a pointer to ${ref.btf.resolve(ref.id).kind.toUpperCase()} ${typeName(ref)}`
    const message = `kernel function ${kfunc.name} args#${i} expected pointer to ${to.word} ${to.name} but ${has}`
    reject('argument_type', message, { regno: i + 1 })
  }

  /** Memory that may be NULL is checked as if it were not: the function tests it. */
  private asNotNull(regno: number, reg: Reg, check: () => void): void {
    const { env } = this
    if (!maybeNull(reg.type)) {
      check()
      return
    }
    env.cur.setReg(regno, notNull(reg))
    check()
    env.cur.setReg(regno, reg)
  }

  private checkMemory(regno: number, to: Pointee, reg: Reg): void {
    const { env } = this
    if (isNullConstant(reg)) return
    const size = to.kind === 'scalar' ? to.size : to.kind === 'struct' ? to.ref.btf.sizeOf(to.ref.id) : 0
    this.asNotNull(regno, reg, () => {
      checkHelperMemory(env, regno, size, 'read', true, undefined)
      checkHelperMemory(env, regno, size, 'write', true, undefined)
    })
  }

  private checkSizedMemory(i: number, param: KfuncParam, reg: Reg): void {
    const { env, call } = this
    const regno = i + 1
    const optional = hasSuffix(param, '__opt') || hasSuffix(param, '__nullable')
    if (!isNullConstant(reg) || !optional) {
      try {
        this.asNotNull(regno, reg, () => {
          checkMemorySize(env, regno + 1, 'read', true, call)
          checkMemorySize(env, regno + 1, 'write', true, call)
        })
      } catch (failure) {
        if (!(failure instanceof Rejection)) throw failure
        const line = `arg#${i} arg#${i + 1} memory, len pair leads to invalid memory access`
        reject(failure.code, [...failure.lines, line], failure.facts)
      }
    }
    if (!hasSuffix(this.params[i + 1]!, '__szk')) return
    const { scalar } = env.cur.reg(regno + 1)
    if (!scalar.isConstant) reject('argument_value', `R${regno + 1} must be a known constant`, { regno: regno + 1 })
    call.constant = scalar
  }

  private checkRefcounted(i: number, reg: Reg): void {
    const { call } = this
    const facts = { regno: i + 1 }
    if (baseType(reg.type) !== PTR_TO_BTF_ID || (reg.type & MEM_ALLOC) === 0) {
      reject('argument_type', `arg#${i} is neither owning or non-owning ref`, facts)
    }
    if ((reg.type & NON_OWN_REF) === 0) call.objectIsOwned = true
    if (findField(regRecord(reg), 'refcount') === undefined) {
      reject('argument_type', `arg#${i} doesn't point to a type with bpf_refcount field`, facts)
    }
    call.objectType = reg.btf
  }
}

/** One is the other with a suffix: the same type under a name that forbids casts (`nf_conn___init`). */
function isAlias(a: string, b: string): boolean {
  return a !== b && a.split('___')[0] === b.split('___')[0] && (a.includes('___') || b.includes('___'))
}

/** The registers suit the kernel function. What it is given is noted in `call`. */
export function checkKfuncArguments(
  env: Environment,
  kfunc: KfuncSpec,
  prototype: KfuncPrototype,
  call: CallContext,
): void {
  new KfuncArguments(env, kfunc, prototype, call).check()
}
