// A lock word: 0 free, 1 taken. Spinning is bounded, so that a spoiled word, or a worker that was stopped while it held the
// lock, ends in a named error.
import { SPOILED_LOCK } from '../src/vm/guest-layout'
import { spoiled } from './host'

const MAX_SPINS: u32 = 1 << 26

export function lock(word: u32): void {
  for (let spins: u32 = 0; atomic.cmpxchg<u32>(word, 0, 1) != 0; spins++) {
    if (spins == MAX_SPINS) spoiled(SPOILED_LOCK, word)
  }
}

/** Takes the lock if nobody has it. */
// @ts-ignore: decorator
@inline
export function tryLock(word: u32): bool {
  return atomic.cmpxchg<u32>(word, 0, 1) == 0
}

// @ts-ignore: decorator
@inline
export function unlock(word: u32): void {
  atomic.store<u32>(word, 0)
}
