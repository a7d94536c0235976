/**
 * Known mistakes of verifiers, as changes of this one's source: each makes it believe what is not so. The self-check has
 * to catch every one; a change that does not fit the source any more has to be written anew.
 * @module
 */

import type { Plant } from '../programs/planting.ts'

export const PLANTS: readonly Plant[] = [
  {
    name: 'CVE-2020-8835: a comparison of 32 bits bounds all 64',
    file: 'verifier/domain/branch.ts',
    find: `    load(a)
    work[U32MAX] = max
`,
    replace: `    load(a)
    work[U32MAX] = max
    work[UMAX_LOW] = max
    work[UMAX_HIGH] = 0
`,
  },
  {
    name: 'CVE-2020-27194: the 32-bit bounds of an or are cut from the 64-bit ones',
    file: 'verifier/domain/arithmetic.ts',
    find: `  work[U32MIN] = dst.u32min >>> 0 > src.u32min >>> 0 ? dst.u32min : src.u32min
  work[U32MAX] = work[VALUE_LOW]! | work[MASK_LOW]!
  signedFromUnsigned32()
`,
    replace: `  work[U32MIN] = dst.u32min >>> 0 > src.u32min >>> 0 ? dst.u32min : src.u32min
  work[U32MAX] = work[VALUE_LOW]! | work[MASK_LOW]!
  if (work[SMIN_HIGH]! >= 0) {
    work[S32MIN] = work[UMIN_LOW]!
    work[S32MAX] = work[UMAX_LOW]!
  } else signedFromUnsigned32()
`,
  },
  {
    name: 'CVE-2021-3490: the 32-bit bounds of an and stay those of its operand where that is known in part',
    file: 'verifier/domain/arithmetic.ts',
    find: `  work[U32MIN] = work[VALUE_LOW]!
  work[U32MAX] = dst.u32max >>> 0 < src.u32max >>> 0 ? dst.u32max : src.u32max
`,
    replace: `  work[U32MIN] = src.isConstant32 ? dst.u32min : work[VALUE_LOW]!
  work[U32MAX] = dst.u32max >>> 0 < src.u32max >>> 0 ? dst.u32max : src.u32max
`,
  },
  {
    name: 'CVE-2021-31440: 32-bit bounds are taken from each 64-bit bound that fits by itself',
    file: 'verifier/domain/refine.ts',
    find: `  if (uminHigh === umaxHigh) {
    changed = narrowUnsigned32(uminLow, umaxLow)
`,
    replace: `  if (uminHigh === 0 && umaxHigh !== 0) {
    changed = narrowUnsigned32(uminLow, -1)
  } else if (uminHigh === umaxHigh) {
    changed = narrowUnsigned32(uminLow, umaxLow)
`,
  },
  {
    name: 'CVE-2021-45402: signed bounds survive a zero extension that changes them',
    file: 'verifier/domain/work.ts',
    find: 'const positive = work[S32MIN]! >= 0 && work[S32MAX]! >= 0',
    replace: 'const positive = work[S32MAX]! >= 0',
  },
  {
    name: 'CVE-2022-23222: a pointer that may be NULL is moved before it is tested',
    file: 'verifier/explore/alu.ts',
    find: 'if ((pointer.type & PTR_MAYBE_NULL) !== 0) {',
    replace: "if ((pointer.type & PTR_MAYBE_NULL) !== 0 && insn.op !== 'add') {",
  },
  {
    name: 'CVE-2023-2163: backtracking forgets the other operand of a comparison',
    file: 'verifier/explore/backtrack.ts',
    find: '      if ((regs[frame]! & both) === 0) return true\n',
    replace: '      return true\n',
  },
  {
    name: 'CVE-2021-4204: memory is given back by a pointer into its middle',
    file: 'verifier/calls/pointers.ts',
    find: "  if (use !== 'plain') {\n",
    replace: "  if (use !== 'plain' && reg.off === 0) {\n",
  },
  {
    name: 'like CVE-2020-27171: one byte more than there is',
    file: 'verifier/memory/region.ts',
    find: 'off + size <= memSize) return undefined',
    replace: 'off + size <= memSize + 1) return undefined',
  },
  {
    name: 'a product forgets that bits of its partial sums differ',
    file: 'verifier/domain/tnum.ts',
    find: '        sumMaskLow |= out[2]! | (sumLow ^ out[0]!)\n',
    replace: '        sumMaskLow |= out[2]!\n',
  },
  {
    name: 'a signed shift to the right fills with zeros',
    file: 'verifier/domain/tnum.ts',
    find: `    out[1] = valueHigh >> count
    out[2] = (maskLow >>> count) | ((maskHigh << 1) << (31 - count))
    out[3] = maskHigh >> count
`,
    replace: `    out[1] = valueHigh >> count
    out[2] = (maskLow >>> count) | ((maskHigh << 1) << (31 - count))
    out[3] = maskHigh >>> count
`,
  },
  {
    name: 'a packet has one byte more than was compared',
    file: 'verifier/memory/packet.ts',
    find: 'const range = rangeRightOpen ? off + 1 : off\n',
    replace: 'const range = off + 1\n',
  },
  {
    name: 'a number stays linked to its copies though it was changed',
    file: 'verifier/explore/alu.ts',
    find: '  if (distance === undefined) return scalarReg(result)\n',
    replace: '  if (distance === undefined) return left.withScalar(result)\n',
  },
  {
    name: 'a narrow spill is filled whole',
    file: 'verifier/memory/stack-read.ts',
    find: '  if (size <= spilled && isLowPart(',
    replace: '  if (isLowPart(',
  },
  {
    name: 'backtracking forgets where a spilled number was filled from',
    file: 'verifier/explore/backtrack.ts',
    find: '        wanted.addSlot(accessedFrame(entry.flags), accessedSlot(entry.flags))\n',
    replace: '',
  },
  {
    name: 'the size of a buffer is taken for its least value',
    file: 'verifier/memory/helper-access.ts',
    find: 'checkHelperMemory(env, regno - 1, max, access',
    replace: 'checkHelperMemory(env, regno - 1, scalar.umin, access',
  },
]
