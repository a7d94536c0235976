/**
 * What a program's BTF says of its functions: one `func` for each, at its first instruction. Programs without BTF may
 * not do what needs a declared result.
 * @see https://docs.kernel.org/bpf/btf.html#bpf-prog-load
 * @module
 */
import type { Btf, BtfFunc, BtfType } from '../../btf/index.ts'
import type { Environment } from '../environment.ts'
import type { VerifierFunction } from '../program.ts'
import { refuse } from './refuse.ts'

/** The functions, if BTF describes them all; compilers and loaders give it for all or for none. */
export function describedFunctions(env: Environment): readonly VerifierFunction[] | undefined {
  const { btf, functions } = env.program
  if (btf === undefined || functions === undefined || functions.length === 0) return undefined
  return functions.every((one) => one.btfType !== undefined) ? functions : undefined
}

/** The type with its typedefs and qualifiers peeled off; undefined where the chain leads nowhere. */
export function peel(btf: Btf, id: number): BtfType | undefined {
  let type = btf.get(id)
  for (let depth = 0; type !== undefined && depth < 64; depth++) {
    switch (type.kind) {
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        type = btf.get(type.type)
        break
      default:
        return type
    }
  }
  return undefined
}

/** Tags of declarations, by the declaration that they are on, in the order of their ids; made once for each BTF. */
const TAGS = new WeakMap<Btf, ReadonlyMap<number, readonly { readonly index: number; readonly text: string }[]>>()

/** The texts on a declaration (`index` -1) or one of its parameters that begin with `prefix`, without it. */
export function tagsOf(btf: Btf, declaration: number, index: number, prefix: string): string[] {
  let tags = TAGS.get(btf)
  if (tags === undefined) {
    const collected = new Map<number, { index: number; text: string }[]>()
    for (let id = 1; id < btf.length; id++) {
      const type = btf.kindOf(id) === 'decl_tag' ? btf.type(id) : undefined
      if (type?.kind !== 'decl_tag') continue
      const tag = { index: type.componentIndex, text: type.name }
      const same = collected.get(type.type)
      if (same === undefined) collected.set(type.type, [tag])
      else same.push(tag)
    }
    tags = collected
    TAGS.set(btf, tags)
  }
  return (tags.get(declaration) ?? [])
    .filter((tag) => tag.index === index && tag.text.startsWith(prefix))
    .map((tag) => tag.text.slice(prefix.length))
}

/** Checks of each record by itself; made before functions are looked for. */
export function checkFunctionInfo(env: Environment): void {
  const functions = describedFunctions(env)
  if (functions === undefined) return
  const btf = env.program.btf!
  let previous = -1
  for (const [i, { slot, btfType }] of functions.entries()) {
    if (i === 0 && slot !== 0) {
      refuse('invalid_btf', `nonzero insn_off ${slot} for the first func info record`, slot)
    }
    if (slot <= previous) {
      refuse('invalid_btf', `same or smaller insn offset (${slot}) than previous func info record (${previous})`, slot)
    }
    const type = btf.get(btfType!)
    if (type?.kind !== 'func' || btf.get(type.type)?.kind !== 'func_proto') {
      refuse('invalid_btf', `invalid type id ${btfType} in func info`, slot)
    }
    previous = slot
  }
}

/** The records and the functions that were found belong together. */
export function checkFunctionLayout(env: Environment): void {
  const functions = describedFunctions(env)
  if (functions === undefined) {
    for (const { index, start, hasLoadPacket, hasTailCall } of env.subprograms) {
      if (index === 0) continue
      if (hasLoadPacket) refuse('invalid_btf', 'LD_ABS is not allowed in subprogs without BTF', start)
      if (hasTailCall) refuse('invalid_btf', 'tail_call is not allowed in subprogs without BTF', start)
    }
    return
  }
  if (functions.length !== env.subprograms.length) {
    refuse('invalid_btf', "number of funcs in func_info doesn't match number of subprogs")
  }
  const btf = env.program.btf!
  for (const [i, { start, hasLoadPacket, hasTailCall }] of env.subprograms.entries()) {
    const { slot, btfType } = functions[i]!
    if (slot !== start) {
      refuse('invalid_btf', "func_info BTF section doesn't match subprog layout in BPF program", slot)
    }
    if (i === 0 || returnsScalar(btf, btfType!)) continue
    if (hasLoadPacket) refuse('invalid_btf', "LD_ABS is only allowed in functions that return 'int'.", start)
    if (hasTailCall) refuse('invalid_btf', "tail_call is only allowed in functions that return 'int'.", start)
  }
}

/** The function's result is an integer of a usual size, or an enum. */
function returnsScalar(btf: Btf, func: number): boolean {
  const prototype = btf.get((btf.get(func) as BtfFunc).type)
  const type = prototype?.kind === 'func_proto' ? peel(btf, prototype.returnType) : undefined
  if (type === undefined) return false
  if (type.kind === 'enum' || type.kind === 'enum64') return true
  return type.kind === 'int' && type.offset === 0 && type.bits === type.size * 8 && type.size <= 8
}

/** The slot of the function that a program's tag names for `bpf_throw`; undefined if it names none. */
export function findExceptionCallback(env: Environment): number | undefined {
  const functions = describedFunctions(env)
  if (functions === undefined) return undefined
  const btf = env.program.btf!
  const names = tagsOf(btf, functions[0]!.btfType!, -1, 'exception_callback:')
  if (names.length === 0) return undefined
  if (names.length > 1) refuse('invalid_btf', 'multiple exception callback tags for main subprog')
  const name = names[0]!
  const callback = btf.find(name, 'func')
  if (callback === undefined) refuse('invalid_btf', `exception callback '${name}' could not be found in BTF`)
  if (callback.linkage !== 'global') {
    refuse('invalid_btf', `exception callback '${name}' must have global linkage`)
  }
  const record = functions.findLast((one) => one.btfType === callback.id)
  if (record === undefined) refuse('invalid_btf', 'exception callback type id not found in func_info')
  if (record.slot === 0) refuse('invalid_btf', 'invalid exception callback insn_off in func_info: 0')
  return record.slot
}
