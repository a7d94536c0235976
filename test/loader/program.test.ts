/** Live programs: what happens when somebody starts one in the middle of a run. */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { type Program, Runtime } from '../../src/loader/index.ts'
import type { PacketInput, PacketOutput } from '../../src/programs/index.ts'

/** Prints `!`, then returns the first byte of the packet. */
const PRINTS_THEN_READS = `r6 = r1
*(u64 *)(r10 - 8) = 0x21
r1 = r10
r1 += -8
r2 = 8
call 6
r1 = *(u32 *)(r6 + 76)
r0 = *(u8 *)(r1 + 0)
exit`

describe('a program that is started while it runs', () => {
  it('is refused, and leaves the packet of the run in progress alone', () => {
    const refused: unknown[] = []
    const runtime = new Runtime({
      print: () => {
        for (const start of [
          () => program.run(new Uint8Array(64).fill(9)),
          () => program.repeat(new Uint8Array(1), 1),
        ]) {
          try {
            start()
          } catch (error) {
            refused.push(error)
          }
        }
      },
    })
    const program: Program<PacketInput, PacketOutput> = runtime.loadProgram(assemble(PRINTS_THEN_READS), {
      type: 'sched_cls',
    })
    expect(program.run(new Uint8Array(64).fill(3)).retval).toBe(3)
    expect(refused).toEqual([
      expect.objectContaining({ code: 'ERR_USAGE' }),
      expect.objectContaining({ code: 'ERR_USAGE' }),
    ])
    runtime.dispose()
  })
})
