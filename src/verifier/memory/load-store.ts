/**
 * The instructions that load and store, atomically ordered or not: their registers, the access, and that one
 * instruction is not used with pointers that need different code.
 * @see https://www.rfc-editor.org/rfc/rfc9669#name-load-and-store-instructions
 * @module
 */
import type { LoadAcquireInsn, LoadInsn, StoreInsn, StoreReleaseInsn } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { regTypeName } from '../types.ts'
import { checkMemoryAccess } from './access.ts'
import { atomicPointerAllowed, notePointerType } from './pointer-kinds.ts'
import { checkRegRead, checkRegWrite } from './registers.ts'

export function checkLoad(env: Environment, insn: LoadInsn): void {
  load(env, insn, insn.signed, false, true)
}

export function checkLoadAcquire(env: Environment, insn: LoadAcquireInsn): void {
  load(env, insn, false, true, false)
  checkAtomicPointer(env, insn.base, 'loads from')
}

export function checkStore(env: Environment, insn: StoreInsn): void {
  const { src } = insn
  if ('reg' in src) {
    storeRegister(env, insn, src.reg, false)
    return
  }
  const { type } = checkRegRead(env, insn.base)
  checkMemoryAccess(env, env.insn, insn.base, insn.off, insn.size, 'write', -1, false, false)
  notePointerType(env, type, false)
}

export function checkStoreRelease(env: Environment, insn: StoreReleaseInsn): void {
  storeRegister(env, insn, insn.src, true)
  checkAtomicPointer(env, insn.base, 'stores into')
}

function load(
  env: Environment,
  insn: LoadInsn | LoadAcquireInsn,
  signed: boolean,
  strict: boolean,
  mayMixTrust: boolean,
): void {
  const { type } = checkRegRead(env, insn.base)
  checkRegWrite(env, insn.dst)
  checkMemoryAccess(env, env.insn, insn.base, insn.off, insn.size, 'read', insn.dst, strict, signed)
  notePointerType(env, type, mayMixTrust)
}

function storeRegister(env: Environment, insn: StoreInsn | StoreReleaseInsn, src: number, strict: boolean): void {
  checkRegRead(env, src)
  const { type } = checkRegRead(env, insn.base)
  checkMemoryAccess(env, env.insn, insn.base, insn.off, insn.size, 'write', src, strict, false)
  notePointerType(env, type, false)
}

/** Looks at what the base register holds after the access, as Linux does. */
function checkAtomicPointer(env: Environment, regno: number, what: string): void {
  const reg = env.cur.reg(regno)
  if (atomicPointerAllowed(reg.type)) return
  reject('wrong_type', `BPF_ATOMIC ${what} R${regno} ${regTypeName(reg.type)} is not allowed`, { regno })
}
