/**
 * Facts of the graph within functions that exploration relies on: an order in which successors come first, and which
 * slots lie on a common loop.
 * @module
 */
import { type Environment, INSN_CALLS_CALLBACK } from '../environment.ts'
import { successorsOf } from './successors.ts'

/** Fills `env.postorder` and `env.postorderStart` (which has one element more than there are subprograms). */
export function computePostorder(env: Environment): void {
  const { insns, subprograms } = env
  const postorder = new Int32Array(insns.length)
  const starts = new Int32Array(subprograms.length + 1)
  const found = new Uint8Array(insns.length)
  const expanded = new Uint8Array(insns.length)
  const stack = new Int32Array(insns.length)
  const next = new Int32Array(2)
  let length = 0
  for (const { index, start } of subprograms) {
    starts[index] = length
    stack[0] = start
    found[start] = 1
    let depth = 1
    while (depth > 0) {
      const slot = stack[depth - 1]!
      env.charge(1)
      if (expanded[slot] === 1) {
        postorder[length++] = slot
        depth--
        continue
      }
      expanded[slot] = 1
      const count = successorsOf(insns, slot, next)
      for (let i = 0; i < count; i++) {
        const successor = next[i]!
        if (found[successor] === 1) continue
        found[successor] = 1
        stack[depth++] = successor
      }
    }
  }
  starts[subprograms.length] = length
  env.postorder = postorder.subarray(0, length)
  env.postorderStart = starts
}

/** `low` of a slot whose component is complete: larger than every number that is given out. */
const COMPLETE = 0xffffffff

/**
 * Numbers the strongly connected components that are loops, from 1; slots on no loop get 0. Tarjan's algorithm, in the
 * form of Pearce that needs one comparison, with a stack instead of recursion.
 * @see https://homepages.ecs.vuw.ac.nz/~djp/files/IPL15-preprint.pdf
 */
export function computeComponents(env: Environment): void {
  const { insns, scc } = env
  const count = insns.length
  const open = new Int32Array(count)
  const path = new Int32Array(count)
  const preorder = new Uint32Array(count)
  const low = new Uint32Array(count)
  const next = new Int32Array(2)
  let number = 1
  let component = 1
  for (let root = 0; root < count; root++) {
    // The second half of a wide instruction is no instruction.
    if (preorder[root] !== 0 || insns[root]!.kind === 'wide_tail') continue
    let openCount = 0
    let depth = 1
    path[0] = root
    walk: while (depth > 0) {
      const slot = path[depth - 1]!
      env.charge(1)
      if (preorder[slot] === 0) {
        preorder[slot] = low[slot] = number++
        open[openCount++] = slot
      }
      const successors = successorsOf(insns, slot, next)
      // The call itself is where a callback's rounds meet. Linux 6.18 leaves that out, and so takes some programs that
      // are not safe (its later versions do not).
      let loops = (env.insnFlags[slot]! & INSN_CALLS_CALLBACK) !== 0
      for (let i = 0; i < successors; i++) {
        const successor = next[i]!
        if (preorder[successor] === 0) {
          path[depth++] = successor
          continue walk
        }
        if (low[successor]! < low[slot]!) low[slot] = low[successor]!
        if (successor === slot) loops = true
      }
      depth--
      if (low[slot]! < preorder[slot]!) continue
      if (open[openCount - 1] !== slot) loops = true
      let member: number
      do {
        member = open[--openCount]!
        low[member] = COMPLETE
        if (loops) scc[member] = component
      } while (member !== slot)
      if (loops) component++
    }
  }
}
