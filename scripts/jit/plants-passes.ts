/**
 * Faults of the passes that change code to make it faster: see `plants.ts`.
 * @module
 */
import type { JitPlant } from './plants.ts'

export const PASS_PLANTS: readonly JitPlant[] = [
  {
    name: 'where ways meet, what only one of them says of a difference is believed',
    find: 'else if (!states.meet(next, state)) continue',
    replace: 'else continue',
  },
  {
    name: 'a pointer that was moved takes those along that it was copied to',
    find: '      above[i]! -= by\n',
    replace: '',
  },
  {
    name: 'a sum outlives the registers that hold it',
    find: '    if (sum === undefined) this.sums.delete(to)\n    else',
    replace: '    if (sum !== undefined)',
  },
  {
    name: 'a sum of pointers forgets how far it is from their bases',
    find: 'this.wantedBy = base.offset + index.offset',
    replace: 'this.wantedBy = base.offset',
  },
  {
    name: 'a write to page zero is one where the stretch after it begins',
    find: 'const closed = Math.max(0, PAGE_SIZE - (added - (added % STRETCH)))',
    replace: 'const closed = Math.max(0, PAGE_SIZE - added - STRETCH * 40)',
  },
  {
    name: 'a selection takes the other way',
    find: '(taken === undefined) === (i !== 1)',
    replace: '(taken === undefined) === (i !== 2)',
  },
  {
    name: 'the second of two ways begins with what the first one has left',
    find: '        w.get(local)\n        state.set(registers[i]!)\n',
    replace: '',
  },
  {
    name: 'an extension by two shifts is one without a sign',
    find: "signed: second.op === 'arsh'",
    replace: 'signed: false',
  },
  {
    name: 'a byte swap does not look at where its bytes are',
    find: 'equal(bytes, SWAPPED32) ? 32',
    replace: '[...bytes].sort((a, b) => b - a).join() === SWAPPED32.join() ? 32',
  },
  {
    name: 'a byte swap takes a mask for one that lets whole bytes through',
    find: '      if (byte !== 0 && byte !== 0xff) return undefined\n      bytes.push(byte === 0xff)',
    replace: '      bytes.push(byte !== 0)',
  },
]
