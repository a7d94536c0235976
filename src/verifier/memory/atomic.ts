/**
 * Atomic read-modify-write: the memory is read and written, and is not of a kind whose accesses are rewritten.
 * @see https://www.rfc-editor.org/rfc/rfc9669#name-atomic-operations
 * @module
 */
import type { AtomicInsn } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { PTR_TO_ARENA, regTypeName } from '../types.ts'
import { checkMemoryAccess } from './access.ts'
import { atomicPointerAllowed, notePointerType } from './pointer-kinds.ts'
import { checkRegRead, checkRegWrite, isPointerValue, markUnknown } from './registers.ts'

export function checkAtomic(env: Environment, insn: AtomicInsn): void {
  const { base, off, size, src } = insn
  if (size !== 4 && size !== 8) reject('invalid_instruction', 'invalid atomic operand size', { size })
  checkRegRead(env, src)
  checkRegRead(env, base)
  if (insn.op === 'cmpxchg') checkNoLeak(env, 0)
  checkNoLeak(env, src)
  const { type } = env.cur.reg(base)
  if (!atomicPointerAllowed(type)) {
    reject('wrong_type', `BPF_ATOMIC stores into R${base} ${regTypeName(type)} is not allowed`, { regno: base })
  }
  let loaded = -1
  if (insn.fetch) {
    loaded = insn.op === 'cmpxchg' ? 0 : src
    checkRegWrite(env, loaded)
    markUnknown(env, loaded)
  }
  // First whether it may be read at all, then what the register gets.
  checkMemoryAccess(env, env.insn, base, off, size, 'read', -1, true, false)
  if (loaded >= 0) checkMemoryAccess(env, env.insn, base, off, size, 'read', loaded, true, false)
  if (env.cur.reg(base).type === PTR_TO_ARENA) notePointerType(env, PTR_TO_ARENA, false)
  checkMemoryAccess(env, env.insn, base, off, size, 'write', -1, true, false)
}

/** What is compared with, or goes into, memory is no pointer, where pointers must not get out. */
function checkNoLeak(env: Environment, regno: number): void {
  if (!isPointerValue(env, checkRegRead(env, regno))) return
  reject('pointer_leak', `R${regno} leaks addr into mem`, { regno })
}
