/**
 * The exploration: follows every path through the program, one after another, until it ends, is covered by what was
 * seen before, or does what is not allowed.
 *
 * A path's state changes in place (`env.cur`); at a branch the other way is kept for later, so the walk is depth-first
 * and its stack explicit. At some instructions (prune points) the state is remembered, and a later path that comes there
 * knowing as much or more need not go on.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { CallInsn, Instruction, LddwInsn } from '../../isa/index.ts'
import { assertNever } from '../../util/index.ts'
import { checkLocalCall, returnToCaller } from '../calls/frames.ts'
import { checkHelperCall } from '../calls/helper.ts'
import { checkKfuncCall } from '../calls/kfunc.ts'
import { checkResourceLeak } from '../calls/references.ts'
import { checkProgramReturn } from '../calls/return.ts'
import { constantPair } from '../domain/scalar.ts'
import {
  type Environment,
  INSN_JUMP_POINT,
  INSN_NOSPEC,
  INSN_NOSPEC_RESULT,
  INSN_PRUNE_POINT,
  INSN_SEEN,
  WORK_OF_INSN,
} from '../environment.ts'
import { checkAtomic } from '../memory/atomic.ts'
import { checkLoadPacket, checkLoadPacketAllowed } from '../memory/load-packet.ts'
import { checkLoad, checkLoadAcquire, checkStore, checkStoreRelease } from '../memory/load-store.ts'
import { checkRegRead, checkRegWrite } from '../memory/registers.ts'
import type { InvalidInstruction } from '../program.ts'
import { Rejection, reject } from '../rejection.ts'
import { REJECTION_CODES } from '../report/codes.ts'
import { pointerReg, type Reg, scalarReg } from '../state.ts'
import { CONST_PTR_TO_MAP, PTR_TO_ARENA, PTR_TO_FUNC, PTR_TO_MAP_VALUE } from '../types.ts'
import { checkAddrSpaceCast, checkAlu, checkEndian, checkMovsx, checkNegate } from './alu.ts'
import { checkConditionalJump, checkMayGoto } from './branch.ts'
import { popBranch } from './branches.ts'
import { pushHistory } from './history.ts'
import { loadKernelSymbol } from './ksym.ts'
import { beginStackWrites, commitStackWrites, updateStackLiveness } from './stack-liveness.ts'
import { updateBranchCounts, visitState } from './visit.ts'

const ARENA_MAP_TYPE = 33
const BPF_FUNC_SPIN_UNLOCK = 94

/** Explores all paths from env.cur at env.insn. Throws a `Rejection` if one of them may not be. */
export function explore(env: Environment): void {
  for (;;) {
    if (!followPath(env)) continue
    env.log?.onPathEnd(env)
    updateStackLiveness(env)
    updateBranchCounts(env, env.cur)
    const branch = popBranch(env)
    if (branch === undefined) return
    env.log?.onPop(env, branch)
  }
}

/** Follows the current path for one instruction; true if that was its last. */
function followPath(env: Environment): boolean {
  const state = env.cur
  const at = env.insn
  const insn = env.insns[at]
  if (insn === undefined) {
    reject('fall_off_end', `invalid insn idx ${at} insn_cnt ${env.insns.length}`)
  }
  const processed = ++env.statistics.insnsProcessed
  if (processed > env.insnLimit) {
    reject('too_many_instructions', `BPF program is too large. Processed ${processed} insn`, { processed })
  }
  env.charge(WORK_OF_INSN)
  state.lastInsn = env.previousInsn
  state.insn = at
  const flags = env.insnFlags[at]!
  if ((flags & INSN_PRUNE_POINT) !== 0 && visitState(env)) {
    env.log?.onPruned(env)
    return true
  }
  if ((flags & INSN_JUMP_POINT) !== 0) pushHistory(env, state, 0, undefined)
  recordPath(env, at)
  env.log?.beforeInsn(env)
  env.options.observer?.onInsn(at, state)
  if (!state.speculative) env.insnFlags[at] = flags | INSN_SEEN
  else if ((flags & INSN_NOSPEC) !== 0) {
    env.previousInsn = at
    return true
  }
  beginStackWrites(env)
  let ended: boolean
  if (state.speculative) {
    try {
      ended = checkInsn(env, insn)
    } catch (failure) {
      if (!isStoppedByFence(failure)) throw failure
      // Only a misprediction comes here, and it is stopped before: the program is not at fault.
      commitStackWrites(env)
      env.insnFlags[at]! |= INSN_NOSPEC
      env.sanitation.delete(at)
      env.previousInsn = at
      return true
    }
  } else ended = checkInsn(env, insn)
  commitStackWrites(env)
  env.previousInsn = at
  if (state.speculative && (env.insnFlags[at]! & INSN_NOSPEC_RESULT) !== 0) return true
  return ended
}

function isStoppedByFence(failure: unknown): boolean {
  return failure instanceof Rejection && REJECTION_CODES[failure.code] !== 'limit'
}

function recordPath(env: Environment, at: number): void {
  if (env.pathLength === env.path.length) {
    const longer = new Int32Array(env.path.length * 2)
    longer.set(env.path)
    env.path = longer
  }
  env.path[env.pathLength++] = at
}

/** Checks one instruction and moves the state and env.insn over it; true if the path ends with it. */
function checkInsn(env: Environment, insn: Instruction): boolean {
  const invalid = env.program.invalid?.get(env.insn)
  if (invalid !== undefined) refuseInvalid(env, invalid)
  switch (insn.kind) {
    case 'alu':
      checkAlu(env, insn)
      break
    case 'load':
      checkLoad(env, insn)
      break
    case 'store':
      checkStore(env, insn)
      break
    case 'jump':
      env.jumpsProcessed++
      checkConditionalJump(env, insn)
      return false
    case 'goto':
      env.jumpsProcessed++
      env.insn += insn.off + 1
      return false
    case 'call':
      env.jumpsProcessed++
      return checkCall(env, insn)
    case 'exit':
      env.jumpsProcessed++
      return checkExit(env)
    case 'lddw':
      checkWideLoad(env, insn)
      env.insn += 2
      return false
    case 'movsx':
      checkMovsx(env, insn)
      break
    case 'neg':
      checkNegate(env, insn)
      break
    case 'endian':
      checkEndian(env, insn)
      break
    case 'atomic':
      checkAtomic(env, insn)
      break
    case 'load_acquire':
      checkLoadAcquire(env, insn)
      break
    case 'store_release':
      checkStoreRelease(env, insn)
      break
    case 'load_packet':
      checkLoadPacket(env, insn)
      return false
    case 'may_goto':
      env.jumpsProcessed++
      checkMayGoto(env, insn)
      return false
    case 'addr_space_cast':
      checkAddrSpaceCast(env, insn)
      break
    case 'goto_indirect':
    case 'callx':
      reject('invalid_instruction', `unknown opcode ${insn.kind === 'callx' ? '8d' : '0d'}`)
      break
    case 'wide_tail':
      reject('invalid_wide_instruction', 'invalid bpf_ld_imm64 insn')
      break
    default:
      assertNever(insn)
  }
  env.insn++
  return false
}

/** The bytes here are no instruction. Linux looks at some other things before it notices. */
function refuseInvalid(env: Environment, invalid: InvalidInstruction): never {
  if (env.insns[env.insn]!.kind === 'load_packet') checkLoadPacketAllowed(env)
  for (const regno of invalid.readsFirst ?? []) checkRegRead(env, regno)
  return reject(invalid.code, invalid.message)
}

function checkCall(env: Environment, insn: CallInsn): boolean {
  if (env.cur.activeLocks > 0 && insn.target === 'helper' && insn.imm !== BPF_FUNC_SPIN_UNLOCK) {
    reject('lock_held', 'function calls are not allowed while holding a lock')
  }
  switch (insn.target) {
    case 'local':
      checkLocalCall(env, insn)
      return false
    case 'kfunc':
      if (checkKfuncCall(env, insn)) {
        // An exception: what is held is leaked, frames and return value do not matter.
        checkResourceLeak(env, true, true, 'bpf_throw')
        return true
      }
      env.insn++
      return false
    case 'helper':
      checkHelperCall(env, insn)
      env.insn++
      return false
    default:
      return assertNever(insn.target)
  }
}

function checkExit(env: Environment): boolean {
  const state = env.cur
  checkResourceLeak(env, false, state.curframe === 0, 'BPF_EXIT instruction in main prog')
  if (state.curframe > 0) {
    returnToCaller(env)
    return false
  }
  checkProgramReturn(env)
  return true
}

function checkWideLoad(env: Environment, insn: LddwInsn): void {
  checkRegWrite(env, insn.dst)
  const reference = env.references.get(env.insn)
  if (reference === undefined) {
    if (insn.source === 'imm64') {
      env.cur.setReg(insn.dst, scalarReg(constantPair(insn.imm, insn.imm2)))
      return
    }
    if (insn.source === 'code_addr') {
      env.cur.setReg(insn.dst, functionPointer(env, env.insn + 1 + insn.imm))
      return
    }
    reject('invalid_map_reference', `fd ${insn.imm} is not pointing to valid bpf_map`)
  }
  switch (reference.kind) {
    case 'map':
      env.cur.setReg(insn.dst, pointerReg(CONST_PTR_TO_MAP, 0, reference.map))
      return
    case 'map_value': {
      const pointer = pointerReg(
        reference.map.type === ARENA_MAP_TYPE ? PTR_TO_ARENA : PTR_TO_MAP_VALUE,
        0,
        reference.map,
      )
      env.cur.setReg(insn.dst, reference.offset === 0 ? pointer : pointer.withOff(reference.offset))
      return
    }
    case 'ksym':
      env.cur.setReg(insn.dst, loadKernelSymbol(env, reference))
      return
    case 'kfunc':
      reject('invalid_map_reference', `${reference.name} is a function and cannot be loaded`)
      return
    default:
      assertNever(reference)
  }
}

function functionPointer(env: Environment, slot: number): Reg {
  const subprogno = env.subprogramOf[slot]!
  if (env.program.functions === undefined) reject('invalid_btf', 'missing btf func_info')
  if (env.subprograms[subprogno]!.linkage !== 'static') reject('callback', 'callback function not static')
  return pointerReg(PTR_TO_FUNC, subprogno)
}
