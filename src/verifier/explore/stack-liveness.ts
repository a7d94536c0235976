/**
 * Which stack slots may still be read. What instructions read and write is collected while paths are followed, by chain
 * of calls, and joined over all paths that came along; where it leads is solved over the control-flow graph, whatever
 * the path. A checkpoint that is explored to its end forgets the slots that are dead then, so that it covers more.
 *
 * ```
 * live before = (live after \ certainly written here) | perhaps read here
 * ```
 * What a called function reads and certainly writes of its callers' frames is passed on to the call.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { Environment } from '../environment.ts'
import { INSN_CALLS_CALLBACK } from '../environment.ts'
import type { State } from '../state.ts'
import { type Exploration, LEAVES } from './exploration.ts'
import type { FunctionInstance } from './function-instance.ts'

// Words of one slot of a function and one frame: pairs of masks of stack slots 0 to 31 and 32 to 63.
const MASK_WORDS = 8
/** May be read by the instruction. */
const READ = 0
/** Is written by it whenever it was processed. */
const WRITTEN = 2
/** Is written by it or by all that may follow in the function. */
const WRITTEN_LATER = 4
/** May be read by it or by what follows. */
const LIVE = 6

// `FunctionInstance.visited`.
const VISITED = 1
/** Some frame's WRITTEN is not empty. */
const WRITES = 2

/** Before an instruction is checked: what it writes is collected from here on. */
export function beginStackWrites(env: Environment): void {
  const { exploration, cur } = env
  const depth = cur.frames.length - 1
  const { instance } = exploration
  if (instance === undefined || instance.depth !== depth || instance.subprogno !== cur.frames[depth]!.subprogno) {
    exploration.instance = exploration.instanceOf(env, cur, depth)
  }
  exploration.writeInsn = env.insn
  clearWrites(exploration)
}

/** The instruction at hand, if it goes through, has written these slots of a frame, whole. */
export function markStackWritten(env: Environment, frameno: number, low: number, high: number): void {
  const { exploration } = env
  exploration.writesLow[frameno]! |= low
  exploration.writesHigh[frameno]! |= high
  exploration.anyWrites = true
}

/** The instruction at hand may read these slots of a frame. */
export function markStackRead(env: Environment, frameno: number, low: number, high: number): void {
  const { exploration } = env
  const instance = (exploration.instance ??= exploration.instanceOf(env, env.cur, env.cur.curframe))
  addRead(exploration, instance, frameno, env.insn, low, high)
}

/**
 * After an instruction was checked. What it wrote on all paths so far is certain. A call into a function is not counted
 * here, but by what the function does.
 */
export function commitStackWrites(env: Environment): void {
  const { exploration } = env
  const { instance } = exploration
  if (instance === undefined) return
  if (instance.depth !== env.cur.frames.length - 1) {
    exploration.instance = undefined
    return
  }
  commit(exploration, instance)
}

/**
 * To be called where a function or a path ends, before its frame goes: solves what has changed in the functions that
 * the current path is in, so that checkpoints without open branches may be cleaned.
 */
export function updateStackLiveness(env: Environment): void {
  const { exploration, cur } = env
  exploration.instance = undefined
  let instance: FunctionInstance | undefined = exploration.instanceOf(env, cur, cur.curframe)
  for (; instance !== undefined; instance = instance.outer) {
    if (instance.updated) solve(env, exploration, instance)
  }
}

/** Solves what is left to solve in a function and in all that it calls. */
export function settleStackLiveness(env: Environment, instance: FunctionInstance): void {
  for (const callee of instance.callees()) settleStackLiveness(env, callee)
  if (instance.updated) solve(env, env.exploration, instance)
}

/** What of its own frame is live where the function begins, as two masks. */
export function liveAtEntry({ masks, depth }: FunctionInstance): readonly [number, number] {
  const own = masks[depth]
  return own === undefined ? [0, 0] : [own[LIVE]!, own[LIVE + 1]!]
}

/** The stack slots of one frame that are live, as two masks. Filled by `liveSlots`, read at once. */
export const LIVE_SLOTS = { low: 0, high: 0 }

/**
 * Which slots of frame `frameno` of a checkpoint may still be read: from its instruction on, or after the calls that it
 * is in. Gives {@link LIVE_SLOTS}.
 */
export function liveSlots(env: Environment, state: State, frameno: number): typeof LIVE_SLOTS {
  const { exploration } = env
  LIVE_SLOTS.low = 0
  LIVE_SLOTS.high = 0
  const last = state.frames.length - 1
  addLive(exploration.instanceOf(env, state, last), frameno, state.insn)
  for (let i = frameno; i < last; i++) {
    const { callsite } = state.frames[i + 1]!
    // A callback may be called again.
    const from = env.hasFlag(callsite, INSN_CALLS_CALLBACK) ? callsite : callsite + 1
    addLive(exploration.instanceOf(env, state, i), frameno, from)
  }
  return LIVE_SLOTS
}

function addLive(instance: FunctionInstance, frameno: number, insn: number): void {
  const masks = instance.masks[frameno]
  if (masks === undefined) return
  const at = (insn - instance.start) * MASK_WORDS
  LIVE_SLOTS.low |= masks[at + LIVE] ?? 0
  LIVE_SLOTS.high |= masks[at + LIVE + 1] ?? 0
}

function clearWrites(exploration: Exploration): void {
  if (!exploration.anyWrites) return
  exploration.anyWrites = false
  exploration.writesLow.fill(0)
  exploration.writesHigh.fill(0)
}

function masksOf(exploration: Exploration, instance: FunctionInstance, frameno: number): Int32Array {
  const known = instance.masks[frameno]
  if (known !== undefined) return known
  const masks = new Int32Array(instance.size * MASK_WORDS)
  exploration.countTable(masks.byteLength)
  instance.masks[frameno] = masks
  return masks
}

function markDirty(exploration: Exploration, instance: FunctionInstance, insn: number): void {
  instance.updated = true
  const place = exploration.places[insn]!
  if (place < instance.dirtyFrom) instance.dirtyFrom = place
  if (place > instance.dirtyTo) instance.dirtyTo = place
}

function addRead(
  exploration: Exploration,
  instance: FunctionInstance,
  frameno: number,
  insn: number,
  low: number,
  high: number,
): void {
  const masks = masksOf(exploration, instance, frameno)
  const at = (insn - instance.start) * MASK_WORDS
  const newLow = low & ~masks[at + READ]!
  const newHigh = high & ~masks[at + READ + 1]!
  if ((newLow | newHigh) === 0) return
  masks[at + READ]! |= low
  masks[at + READ + 1]! |= high
  // What is live there anyway changes nothing.
  if (((newLow & ~masks[at + LIVE]!) | (newHigh & ~masks[at + LIVE + 1]!)) !== 0) markDirty(exploration, instance, insn)
}

function commit(exploration: Exploration, instance: FunctionInstance): void {
  const insn = exploration.writeInsn
  const slot = insn - instance.start
  const before = instance.visited[slot]!
  // Nothing is certain to be written any more, or nothing is written.
  if (before === VISITED || (before === 0 && !exploration.anyWrites)) {
    instance.visited[slot] = VISITED
    return
  }
  let writes = false
  for (let frameno = 0; frameno <= instance.depth; frameno++) {
    let low = exploration.writesLow[frameno]!
    let high = exploration.writesHigh[frameno]!
    if ((low | high) === 0 && (before === 0 || instance.masks[frameno] === undefined)) continue
    const masks = masksOf(exploration, instance, frameno)
    const at = slot * MASK_WORDS
    const oldLow = masks[at + WRITTEN]!
    const oldHigh = masks[at + WRITTEN + 1]!
    if (before !== 0) {
      low &= oldLow
      high &= oldHigh
    }
    if ((low | high) !== 0) writes = true
    if (low === oldLow && high === oldHigh) continue
    masks[at + WRITTEN] = low
    masks[at + WRITTEN + 1] = high
    markDirty(exploration, instance, insn)
    if (((oldLow & ~low) | (oldHigh & ~high)) !== 0) instance.writesDropped = true
  }
  instance.visited[slot] = writes ? WRITES : VISITED
}

/** Solves one function, and tells its caller. */
function solve(env: Environment, exploration: Exploration, instance: FunctionInstance): void {
  const first = env.postorderStart[instance.subprogno]!
  const end = env.postorderStart[instance.subprogno + 1] ?? env.postorder.length
  if (instance.writesDropped) {
    forgetWrittenLater(instance)
    instance.dirtyFrom = first
    instance.dirtyTo = end - 1
  }
  let { dirtyFrom, dirtyTo } = instance
  while (dirtyFrom <= dirtyTo) {
    exploration.againFrom = Number.POSITIVE_INFINITY
    exploration.againTo = -1
    for (let frameno = 0; frameno <= instance.depth; frameno++) {
      const masks = instance.masks[frameno]
      if (masks !== undefined) sweep(env, exploration, instance, masks, dirtyFrom, dirtyTo)
    }
    env.charge((dirtyTo - dirtyFrom) >> 2)
    dirtyFrom = exploration.againFrom
    dirtyTo = exploration.againTo
  }
  instance.updated = false
  instance.writesDropped = false
  instance.dirtyFrom = Number.POSITIVE_INFINITY
  instance.dirtyTo = -1
  if (instance.outer !== undefined) tellCaller(exploration, instance, instance.outer)
}

function forgetWrittenLater(instance: FunctionInstance): void {
  for (const masks of instance.masks) {
    if (masks === undefined) continue
    for (let at = 0; at < masks.length; at += MASK_WORDS) {
      masks[at + WRITTEN_LATER] = 0
      masks[at + WRITTEN_LATER + 1] = 0
    }
  }
}

/**
 * One pass in postorder, successors first, from the first instruction that changed to the last one that a change can
 * reach. Jumps backwards are left for another pass: what it has to cover is noted in `againFrom` and `againTo`.
 */
function sweep(
  env: Environment,
  exploration: Exploration,
  instance: FunctionInstance,
  masks: Int32Array,
  from: number,
  to: number,
): void {
  const { postorder } = env
  const { successors, firstUser, lastUser } = exploration
  const { start } = instance
  let last = to
  for (let place = from; place <= last; place++) {
    const insn = postorder[place]!
    let successor = successors[2 * insn]!
    if (successor < 0) continue
    let next = (successor - start) * MASK_WORDS
    let liveLow = masks[next + LIVE]!
    let liveHigh = masks[next + LIVE + 1]!
    let laterLow = masks[next + WRITTEN_LATER]!
    let laterHigh = masks[next + WRITTEN_LATER + 1]!
    successor = successors[2 * insn + 1]!
    if (successor >= 0) {
      next = (successor - start) * MASK_WORDS
      liveLow |= masks[next + LIVE]!
      liveHigh |= masks[next + LIVE + 1]!
      laterLow &= masks[next + WRITTEN_LATER]!
      laterHigh &= masks[next + WRITTEN_LATER + 1]!
    } else if (successor === LEAVES) {
      laterLow = 0
      laterHigh = 0
    }
    const at = (insn - start) * MASK_WORDS
    const writtenLow = masks[at + WRITTEN]!
    const writtenHigh = masks[at + WRITTEN + 1]!
    liveLow = (liveLow & ~writtenLow) | masks[at + READ]!
    liveHigh = (liveHigh & ~writtenHigh) | masks[at + READ + 1]!
    laterLow |= writtenLow
    laterHigh |= writtenHigh
    if (
      liveLow === masks[at + LIVE] &&
      liveHigh === masks[at + LIVE + 1] &&
      laterLow === masks[at + WRITTEN_LATER] &&
      laterHigh === masks[at + WRITTEN_LATER + 1]
    ) {
      continue
    }
    masks[at + LIVE] = liveLow
    masks[at + LIVE + 1] = liveHigh
    masks[at + WRITTEN_LATER] = laterLow
    masks[at + WRITTEN_LATER + 1] = laterHigh
    const furthest = lastUser[insn]!
    if (furthest > last) last = furthest
    const nearest = firstUser[insn]!
    if (nearest > place) continue
    if (nearest < exploration.againFrom) exploration.againFrom = nearest
    if (place > exploration.againTo) exploration.againTo = place
  }
}

/** What the function does to its callers' frames, from its entry on, is what its call does. */
function tellCaller(exploration: Exploration, instance: FunctionInstance, outer: FunctionInstance): void {
  exploration.anyWrites = true
  clearWrites(exploration)
  exploration.writeInsn = instance.callsite
  for (let frameno = 0; frameno < instance.depth; frameno++) {
    const masks = instance.masks[frameno]
    if (masks === undefined) continue
    exploration.writesLow[frameno] = masks[WRITTEN_LATER]!
    exploration.writesHigh[frameno] = masks[WRITTEN_LATER + 1]!
    if ((exploration.writesLow[frameno]! | exploration.writesHigh[frameno]!) !== 0) exploration.anyWrites = true
    addRead(exploration, outer, frameno, instance.callsite, masks[LIVE]!, masks[LIVE + 1]!)
  }
  commit(exploration, outer)
}
