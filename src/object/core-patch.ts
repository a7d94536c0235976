/**
 * Puts what a CO-RE relocation came to into its instruction: an immediate, an offset, the size of an access.
 * @see https://docs.kernel.org/bpf/llvm_reloc.html#co-re-relocations
 * @module
 */
import type { CoreResolution } from '../btf/index.ts'
import type { AccessSize, Instruction } from '../isa/index.ts'
import { CORE_POISON_HELPER } from '../spec/core-poison.ts'
import { AnybpfError } from '../util/index.ts'

const POISON: Instruction = { kind: 'call', target: 'helper', imm: CORE_POISON_HELPER, off: 0 }
const MAX_OFFSET = 0x7fff

/**
 * Relocates the instruction at `slot`, in place. True if it was poisoned. Throws `ERR_RELOCATION` where the instruction is
 * not what a compiler would have left there, or has no room for the number.
 */
export function patchCoreInstruction(insns: Instruction[], slot: number, resolution: CoreResolution): boolean {
  const insn = insns[slot]
  if (resolution.poisoned) return poison(insns, slot)
  const { value } = resolution
  switch (insn?.kind) {
    case 'alu':
      if (!('imm' in insn.src)) break
      expect(resolution, insn.src.imm)
      insns[slot] = { ...insn, src: { imm: Number(BigInt.asIntN(32, value)) } }
      return false
    case 'lddw':
      if (insn.source !== 'imm64' || insns[slot + 1]?.kind !== 'wide_tail') break
      expect(resolution, (BigInt(insn.imm2) << 32n) | BigInt(insn.imm >>> 0))
      insns[slot] = {
        ...insn,
        imm: Number(BigInt.asIntN(32, value)),
        imm2: Number(BigInt.asIntN(32, value >> 32n)),
      }
      return false
    case 'load':
    case 'store':
    case 'atomic':
    case 'load_acquire':
    case 'store_release':
      expect(resolution, insn.off)
      if (value > MAX_OFFSET) throw fail(`an instruction has no room for the offset ${value}`)
      if (resolution.cannotResize) return poison(insns, slot)
      insns[slot] = { ...insn, off: Number(value), size: accessSize(insn.size, resolution) }
      return false
  }
  throw fail(`${insn === undefined ? 'there is no instruction' : `a ${insn.kind} has no number`} to relocate`)
}

/** Both slots of a wide load, so that no half of it is left. */
function poison(insns: Instruction[], slot: number): true {
  if (insns[slot]?.kind === 'lddw' && slot + 1 < insns.length) insns[slot + 1] = POISON
  insns[slot] = POISON
  return true
}

/** What was compiled has to be what the object's own types say. */
function expect({ original, value }: CoreResolution, found: number | bigint): void {
  if (original === undefined || BigInt.asUintN(64, BigInt(found)) === original) return
  throw fail(`the instruction has ${found}, and by the object's types should have ${original} (to become ${value})`)
}

function accessSize(current: AccessSize, { originalSize, size }: CoreResolution): AccessSize {
  if (size === originalSize) return current
  if (current !== originalSize) throw fail(`the instruction accesses ${current} bytes of a field of ${originalSize}`)
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) throw fail(`no instruction accesses ${size} bytes`)
  return size
}

function fail(what: string): AnybpfError {
  return new AnybpfError('ERR_RELOCATION', what)
}
