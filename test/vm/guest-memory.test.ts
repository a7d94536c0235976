import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isAnybpfError } from '../../src/util/errors.ts'
import { HEAP_BASE, HEAP_LAST, HEAP_LISTS } from '../../src/vm/guest-layout.ts'
import { GuestMemory, PAGE_SIZE } from '../../src/vm/guest-memory.ts'
import { runs, SEED } from '../support/runs.ts'

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isAnybpfError(error)) return error.code
    throw error
  }
  return 'none'
}

type Step = { kind: 'allocate'; size: number } | { kind: 'free'; which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('allocate' as const),
    size: fc.oneof(fc.nat(64), fc.nat(600), fc.nat(20_000), fc.nat(300_000)),
  }),
  fc.record({ kind: fc.constant('free' as const), which: fc.nat(1000) }),
)

describe('the generated module', () => {
  it('is what its generator makes of assembly/', () => {
    const folder = mkdtempSync(join(tmpdir(), 'anybpf-'))
    try {
      const output = join(folder, 'again.ts')
      execFileSync(process.execPath, ['scripts/build-assembly.mjs', output])
      expect(readFileSync('src/vm/guest-runtime.generated.ts', 'utf8')).toBe(readFileSync(output, 'utf8'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

for (const shared of [false, true]) {
  describe(`guest memory, ${shared ? 'shared' : 'not shared'}`, () => {
    it('has the kind of buffer that was asked for', () => {
      const { buffer } = new GuestMemory({ shared }).wasm
      expect(buffer instanceof SharedArrayBuffer).toBe(shared)
    })

    it('keeps page zero zero', () => {
      const memory = new GuestMemory({ shared })
      for (let i = 0; i < 100; i++) memory.place(new Uint8Array(1000).fill(0xff))
      expect(memory.u8.subarray(0, PAGE_SIZE).every((byte) => byte === 0)).toBe(true)
    })

    it('gives aligned, zeroed, disjoint blocks that keep their content, and gets all bytes back', () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
          const memory = new GuestMemory({ shared, limit: 4 << 20 })
          const before = memory.usedBytes
          const live: { address: number; size: number; fill: number }[] = []
          const intact = ({ address, size, fill }: (typeof live)[number]) =>
            memory.u8.subarray(address, address + size).every((byte) => byte === fill)
          let next = 1
          for (const { kind, ...rest } of steps) {
            if (kind === 'allocate') {
              const size = (rest as { size: number }).size
              const address = memory.tryAllocate(size)
              if (address === 0) continue
              expect(address % 8).toBe(0)
              expect(address).toBeGreaterThan(PAGE_SIZE)
              expect(intact({ address, size, fill: 0 })).toBe(true)
              const fill = (next++ % 255) + 1
              memory.u8.fill(fill, address, address + size)
              live.push({ address, size, fill })
            } else if (live.length > 0) {
              const [block] = live.splice((rest as { which: number }).which % live.length, 1)
              expect(intact(block!)).toBe(true)
              memory.free(block!.address)
            }
          }
          expect(live.every(intact)).toBe(true)
          const sum = live.reduce((bytes, { size }) => bytes + GuestMemory.blockBytes(size), 0)
          // A block that is too small to be divided is handed out whole: at most 8 bytes more.
          expect(memory.usedBytes - before).toBeGreaterThanOrEqual(sum)
          expect(memory.usedBytes - before).toBeLessThanOrEqual(sum + 8 * live.length)
          for (const { address } of live) memory.free(address)
          expect(memory.usedBytes).toBe(before)
          // All is one free block again: nearly the whole memory can be had at once.
          expect(memory.tryAllocate(memory.u8.length - HEAP_BASE - 16 * 1024 - (memory.u8.length >> 4))).not.toBe(0)
        }),
        { numRuns: runs(1000), seed: SEED },
      )
    })

    it('grows on demand up to its limit, then says so', () => {
      const memory = new GuestMemory({ shared, limit: 2 << 20 })
      expect(memory.u8.length).toBe(2 * PAGE_SIZE)
      const address = memory.allocate(1 << 20)
      expect(memory.u8.length).toBeGreaterThan(1 << 20)
      memory.u8[address + (1 << 20) - 1] = 7
      expect(codeOf(() => memory.allocate(1 << 20))).toBe('ERR_NO_MEMORY')
      memory.free(address)
      expect(memory.u8[memory.allocate(1 << 20) + (1 << 20) - 1]).toBe(0)
    })
  })
}

describe('guest memory', () => {
  it('refuses sizes that no memory has', () => {
    const memory = new GuestMemory({ limit: 1 << 20 })
    for (const size of [2 ** 20, 2 ** 31, 2 ** 32 - 8, 2 ** 32 - 1, 2 ** 32, -1, Number.NaN]) {
      expect(codeOf(() => memory.allocate(size))).toBe('ERR_NO_MEMORY')
    }
    expect(codeOf(() => new GuestMemory({ limit: 1000 }))).toBe('ERR_USAGE')
  })

  it('refuses to free what is no live block', () => {
    const memory = new GuestMemory()
    const address = memory.allocate(64)
    memory.allocate(64)
    memory.free(address)
    for (const wrong of [address, address + 8, address + 4, 0, 8, PAGE_SIZE, 2 ** 32 - 8, memory.u8.length]) {
      expect(codeOf(() => memory.free(wrong))).toBe('ERR_FAULT')
    }
  })

  it('names the fault when its metadata was overwritten, and never hangs', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4096), fc.nat(255)), { minLength: 1, maxLength: 40 }), (writes) => {
        const memory = new GuestMemory({ limit: 1 << 20 })
        const blocks = [64, 8, 200, 3000, 16, 90].map((size) => memory.allocate(size))
        memory.free(blocks[1]!)
        memory.free(blocks[3]!)
        for (const [at, byte] of writes) memory.u8[HEAP_BASE + 8 + at] = byte
        for (let i = 0; i < 30; i++) {
          const code = codeOf(() => (i % 3 === 2 ? memory.free(blocks[i % 6]!) : memory.allocate(40 * i)))
          expect(['none', 'ERR_FAULT', 'ERR_NO_MEMORY']).toContain(code)
        }
      }),
      { numRuns: runs(2000), seed: SEED },
    )
    const memory = new GuestMemory()
    memory.u8.fill(0xff, HEAP_BASE + HEAP_LISTS, HEAP_BASE + 2048)
    expect(codeOf(() => memory.allocate(100))).toBe('ERR_FAULT')
  })

  it('keeps its views when the fault is noticed only after the memory has grown', () => {
    const memory = new GuestMemory()
    memory.u32[(HEAP_BASE + HEAP_LAST) >>> 2] = 8
    expect(codeOf(() => memory.allocate(1 << 17))).toBe('ERR_FAULT')
    expect(memory.u8.buffer).toBe(memory.wasm.buffer)
    expect(memory.u8.length).toBeGreaterThan(1 << 17)
  })

  it('can be joined by another instance, as another thread does', async () => {
    const first = new GuestMemory({ shared: true })
    const second = await GuestMemory.createAsync({ join: first.wasm })
    const a = first.place(Uint8Array.of(1, 2, 3))
    const b = second.allocate(8)
    expect(b).not.toBe(a)
    expect(second.read(a, 3)).toEqual(Uint8Array.of(1, 2, 3))
    expect(second.usedBytes).toBe(first.usedBytes)
    second.free(a)
    expect(codeOf(() => first.free(a))).toBe('ERR_FAULT')
  })
})
