/**
 * Known kinds of faults of compilers, as changes of the JIT's source: each makes a program do something else. The comparison has
 * to catch every one; a change that does not fit the source any more has to be written anew.
 * @module
 */
import type { Plant } from '../programs/planting.ts'
import { PASS_PLANTS } from './plants-passes.ts'

/** It is planted into the one file of `src/vm/jit` that has the place. */
export type JitPlant = Omit<Plant, 'file'>

export const JIT_PLANTS: readonly JitPlant[] = [
  {
    name: '32-bit results are sign-extended',
    find: "  if (op !== 'mov') w.op((wide ? ALU64 : ALU32)[op]!)\n  if (!wide) w.op(OP.i64_extend_i32_u)",
    replace: "  if (op !== 'mov') w.op((wide ? ALU64 : ALU32)[op]!)\n  if (!wide) w.op(OP.i64_extend_i32_s)",
  },
  {
    name: 'a quotient by zero is the dividend',
    find: '  if (isQuotient) pushConstant(w, 0, wide)\n  else pushRegister(w, operands, dst, wide)\n  w.else()',
    replace: '  pushRegister(w, operands, dst, wide)\n  w.else()',
  },
  {
    name: 'the least number divided by -1 traps',
    find: '    pushConstant(w, -1, wide)\n',
    replace: '    pushConstant(w, 0, wide)\n',
  },
  {
    name: 'an arithmetic shift of 32 bits is a logical one',
    find: '  arsh: OP.i32_shr_s,',
    replace: '  arsh: OP.i32_shr_u,',
  },
  {
    name: 'a byte swap of 64 bits leaves its halves where they are',
    find: '    w.i64(32)\n    w.op(OP.i64_rotl)\n',
    replace: '    w.i64(0)\n    w.op(OP.i64_rotl)\n',
  },
  {
    name: 'movsx of 16 to 32 bits extends to 64',
    find: '  w.op(insn.bits === 8 ? OP.i32_extend8_s : OP.i32_extend16_s)\n  w.op(OP.i64_extend_i32_u)',
    replace:
      '  w.op(insn.bits === 8 ? OP.i32_extend8_s : OP.i32_extend16_s)\n  w.op(insn.bits === 8 ? OP.i64_extend_i32_u : OP.i64_extend_i32_s)',
  },
  {
    name: 'a signed comparison is unsigned',
    find: '  sle: OP.i64_le_s,',
    replace: '  sle: OP.i64_le_u,',
  },
  {
    name: 'a 32-bit test of bits does not see the highest one',
    find: '    if (opposite) w.op(wide ? OP.i64_eqz : OP.i32_eqz)\n',
    replace:
      '    if (!wide) {\n      w.i32(0x7fffffff)\n      w.op(OP.i32_and)\n    }\n    if (opposite) w.op(wide ? OP.i64_eqz : OP.i32_eqz)\n',
  },
  {
    name: 'a load with a sign is one without',
    find: '  2: [OP.i64_load16_u, OP.i64_load16_s],',
    replace: '  2: [OP.i64_load16_u, OP.i64_load16_u],',
  },
  {
    name: 'what a 32-bit atomic operation fetches is sign-extended',
    find: `  if (!wide) w.op(OP.i64_extend_i32_u)
  f.set(op === 'cmpxchg' ? 0 : src)`,
    replace: `  if (!wide) w.op(OP.i64_extend_i32_s)
  f.set(op === 'cmpxchg' ? 0 : src)`,
  },
  {
    name: 'compare-and-exchange returns into its source',
    find: `set(op === 'cmpxchg' ? 0 : src)`,
    replace: 'set(src)',
  },
  {
    name: 'a negative offset loses its lowest bit',
    find: 'let low = Math.min(0, offset)',
    replace: 'let low = Math.min(0, offset) & ~1',
  },
  {
    name: 'the highest eight bytes of a frame are not cleared',
    find: '  for (; at < to; at += WORD_BYTES) {',
    replace: '  for (; at < to - WORD_BYTES; at += WORD_BYTES) {',
  },
  {
    name: 'of what a frame clears, sixteen bytes lie too high',
    find: 'w.vectorMemory(SIMD.v128_store, at)',
    replace: 'w.vectorMemory(SIMD.v128_store, at + (at === from ? VECTOR_BYTES : 0))',
  },
  {
    name: 'a long block is charged one instruction too many',
    find: 'w.i32(weight)',
    replace: 'w.i32(weight > 9 ? weight + 1 : weight)',
  },
  {
    name: 'a call of a function forgets what it has charged',
    find: '  restoreFrame(f, usesFrame)\n  f.reloadFuel()\n}',
    replace: '  restoreFrame(f, usesFrame)\n}',
  },
  {
    name: 'the frame of a callee lies in the guard below it',
    find: 'w.i32(target.frameSize + target.frameStride)',
    replace: 'w.i32(target.frameStride)',
  },
  {
    name: 'a failed packet load goes on',
    find: '  w.if()\n  f.exit()\n  w.end()',
    replace: '  w.op(OP.drop)',
  },
  {
    name: 'the upper half of r5 is that of r4 for a helper',
    find: 'if (width === 64) f.high(i + 1)',
    replace: 'if (width === 64) f.high(i === 4 ? i : i + 1)',
  },
  {
    name: 'a tail call is counted twice',
    find: '    this.engine.block.setWord(CPU_TAIL_CALLS, this.engine.block.word(CPU_TAIL_CALLS) + 1)',
    replace: '    this.engine.block.setWord(CPU_TAIL_CALLS, this.engine.block.word(CPU_TAIL_CALLS) + 2)',
  },
  {
    name: 'a tail call within WebAssembly is counted twice',
    find: '  w.memory(OP.i32_load, CPU_TAIL_CALLS)\n  w.i32(1)\n',
    replace: '  w.memory(OP.i32_load, CPU_TAIL_CALLS)\n  w.i32(2)\n',
  },
  {
    name: 'a tail call within WebAssembly goes to the program before',
    find: '  w.op(OP.i32_shl)\n  w.set(value)\n',
    replace: '  w.op(OP.i32_shl)\n  w.i32(2)\n  w.op(OP.i32_sub)\n  w.set(value)\n',
  },
  {
    name: 'a tail call hands over r2',
    find: '    for (let i = 1; i < ARGUMENTS; i++) w.i64(0)\n    w.get(place)',
    replace: '    f.register(2)\n    for (let i = 2; i < ARGUMENTS; i++) w.i64(0)\n    w.get(place)',
  },
  {
    name: 'edges from inside and outside of a cycle share their choice',
    find: '    if (found === undefined) return next\n',
    replace:
      "    if (found === undefined) return next\n    for (let i = first; i < nodes.length; i++) {\n      const known = nodes[i]!\n      if (known.kind === 'choose' && known.choice === found.choice && known.next[0] === found.dispatcher) return i\n    }\n",
  },
  {
    name: 'a copy of a loop has its conditions the wrong way round',
    find: '      else nodes.push({ ...original, next })',
    replace: '      else nodes.push({ ...original, next: copy === 3 ? next.reverse() : next })',
  },
  {
    name: 'a rotation is one though its shifts are not of one value',
    find: 'a.left === b.left || a.of !== b.of',
    replace: 'a.left === b.left',
  },
  {
    name: 'a rotation by any two shifts',
    find: '|| a.amount + b.amount !== width',
    replace: '|| a.amount + b.amount > width',
  },
  {
    name: 'a short store to a stack slot in a local keeps all its bits',
    find: '  if (size < 8) {\n    w.i64(size === 4',
    replace: '  if (size === 4) {\n    w.i64(size === 4',
  },
  {
    name: 'stack slots of several sizes are taken to be of one',
    find: 'if (access.off !== off || access.size !== size) same = false',
    replace: 'if (access.off !== off) same = false',
  },
  {
    name: 'the last element of an array is not found',
    find: '  w.i32(map.maxEntries)\n',
    replace: '  w.i32(map.maxEntries - 1)\n',
  },
  {
    name: 'the error of a deletion is no negative number',
    find: "w.op(operation === 'lookup' ? OP.i64_extend_i32_u : OP.i64_extend_i32_s)",
    replace: "w.op(operation === 'update' ? OP.i64_extend_i32_s : OP.i64_extend_i32_u)",
  },
  {
    name: 'a map’s address is believed where ways with different ones meet',
    find: 'this.known.fill(undefined)',
    replace: '',
  },
  {
    name: 'what a register holds is lost on the way from piece to piece',
    find: '  for (let i = wide - 1; i >= 0; i--) w.set(values[i]!)',
    replace: '  for (let i = wide - 1; i >= 0; i--) w.set(values[i === 9 ? 8 : i]!)',
  },
  {
    name: 'the rest of a block that was cut is charged again',
    find: 'rest = { ...rest, start: cut, weight: 0 }',
    replace: 'rest = { ...rest, start: cut, weight: 1 }',
  },
  {
    name: 'a piece is entered at the entry before',
    find: 'next: entries.map((node) => place.get(node)!) })',
    replace: 'next: entries.map((_, i) => place.get(entries[Math.max(1, i) - (i > 1 ? 1 : 0)]!)!) })',
  },
  {
    name: 'a byte of global data is the first one, where addresses are imported',
    find: 'return { ...(map.data as ImportedAddress), offset: imm2 }',
    replace: 'return map.data',
  },
  {
    name: 'the elements of an array are where its control block is, where addresses are imported',
    find: 'data: imported(dataName(index)), field }',
    replace: 'data: address, field }',
  },
  {
    name: 'a function’s address is no code address, where addresses are imported',
    find: '      w.i64(0, FUNCTION_TAG)\n',
    replace: '      w.i64(0, 0)\n',
  },
  {
    name: 'a lookup in a hash table stops at the first slot',
    find: '  w.call(functions.findBehind)\n  w.set(slot)\n',
    replace: '  w.call(functions.findBehind)\n  w.op(OP.drop)\n  w.i32(0)\n  w.set(slot)\n',
  },
  {
    name: 'the use of an element of an LRU map is not noted',
    find: '    w.call(functions.touch)\n',
    replace: '    w.op(OP.drop)\n    w.op(OP.drop)\n',
  },
  {
    name: 'the end of a long key does not count',
    find: '  if (second !== undefined) {\n    mixed(second',
    replace: '  if (second !== undefined && words.length < 3) {\n    mixed(second',
  },
  ...PASS_PLANTS,
  {
    name: 'a callback cannot end bpf_loop',
    find: '  w.get(stop)\n  w.op(OP.i32_eqz)\n  w.op(OP.i32_and)\n  w.brIf(0)\n',
    replace: '  w.brIf(0)\n',
  },
]
