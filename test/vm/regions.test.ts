/** The set of regions against a plain list; and how much of a frame is cleared. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { functionEntries, scanFrames } from '../../src/vm/frame-scan.ts'
import { type Region, SortedRegionSet } from '../../src/vm/index.ts'
import { runs, SEED } from '../support/runs.ts'

const region = (start: number, end: number): Region => ({ start, end, writable: true, name: `r${start}` })

describe('a set of regions', () => {
  it('finds what a list finds, as regions come and go', () => {
    const step = fc.record({ start: fc.nat(120), size: fc.nat(12), remove: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const set = new SortedRegionSet()
        let list: Region[] = []
        for (const { start, size, remove } of steps) {
          if (remove) {
            set.remove(start)
            list = list.filter((one) => one.start !== start)
          } else {
            const added = region(start, start + size)
            const clashes = list.some(
              (one) =>
                one.start === start ||
                (one.start < added.end && start < one.end) ||
                (start > one.start && start < one.end),
            )
            if (clashes) expect(() => set.add(added)).toThrow(/regions overlap/)
            else {
              set.add(added)
              list.push(added)
            }
          }
        }
        for (let address = 0; address < 135; address++) {
          for (const size of [1, 4]) {
            const expected = list.find((one) => one.start <= address && address + size <= one.end)
            expect(set.find(address, size)).toBe(expected)
          }
        }
      }),
      { seed: SEED, numRuns: runs(2000) },
    )
  })

  it('changes its generation with every change, and only then', () => {
    const set = new SortedRegionSet()
    set.add(region(8, 16))
    const { generation } = set
    set.remove(9)
    set.find(8, 1)
    expect(set.generation).toBe(generation)
    set.remove(8)
    expect(set.generation).not.toBe(generation)
  })
})

describe('the scan of frames', () => {
  const clears = (text: string): number[] => {
    const insns = assemble(text)
    return [...scanFrames(insns, functionEntries(insns), 512).values()]
  }

  it.each([
    ['*(u64 *)(r10 - 16) = r1\nexit', [0]],
    ['r0 = *(u64 *)(r10 - 16)\nexit', [16]],
    ['r0 = *(u8 *)(r10 - 17)\nexit', [24]],
    ['r0 = *(u8 *)(r10 - 4000)\nexit', [512]],
    ['lock *(u64 *)(r10 - 8) += r1\nexit', [8]],
    ['r1 = r10\nexit', [512]],
    ['*(u64 *)(r1 + 0) = r10\nexit', [512]],
    ['r1 += r10\nexit', [512]],
    ['r10 += 8\nexit', [512]],
    ['call f\nexit\nf:\nr0 = *(u8 *)(r10 - 1)\nexit', [0, 8]],
    // Control that crosses from one function into the next: nothing is known.
    ['call f\ngoto g\nf:\nr0 = 1\ng:\nexit', [512, 512]],
    ['call f\nf:\nexit', [512, 512]],
  ])('%s', (text, expected) => {
    expect(clears(text)).toEqual(expected)
  })
})
