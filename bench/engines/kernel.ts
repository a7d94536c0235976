/**
 * The running Linux kernel's JIT, by test runs of XDP programs (`kernel_timer.py`).
 *
 * A program of memory becomes a function that an XDP program calls: the memory is the value of an array map, and r0 is written
 * behind it. The kernel's verifier has to accept that; what it refuses is not measured.
 * @module
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { kernelQuestion, mapsOf } from '../../scripts/score/kernel-question.ts'
import { encodeProgram, type Instruction } from '../../src/isa/index.ts'
import { bytesToHex, hexToBytes } from '../../src/util/index.ts'
import { type Engine, type MapContents, memoryOutcome, objectOutcome, Refusal, type Subject } from './engine.ts'
import { openObject, PLATFORM } from './objects.ts'
import type { MemoryWorkload, ObjectWorkload, Workload } from './workloads.ts'

const XDP = 6
const ARRAY = 2
const SLOT = 8
const PACKET = '00'.repeat(64)

interface Reply {
  readonly error?: string
  readonly id?: number
  readonly retvals?: readonly number[]
  readonly ns?: number
  readonly values?: readonly string[]
}

export class KernelEngine implements Engine {
  readonly name = 'kernel'
  readonly unavailable = process.getuid?.() === 0 ? undefined : 'the kernel wants root'
  private readonly child
  private readonly lines: AsyncIterator<string>

  constructor() {
    const script = fileURLToPath(new URL('./kernel_timer.py', import.meta.url))
    this.child = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  open(workload: Workload): Promise<Subject> {
    return workload.kind === 'memory' ? this.openMemory(workload) : this.openObject(workload)
  }

  private async openMemory(workload: MemoryWorkload): Promise<Subject> {
    const { memory, code } = workload
    const size = memory.length
    const maps = [
      {
        type: ARRAY,
        key: 4,
        value: size + SLOT,
        entries: 1,
        initial: [['00000000', bytesToHex(memory) + '00'.repeat(SLOT)]],
      },
    ]
    const insns = bytesToHex(encodeProgram(wrapper(size, workload.length), 'little')) + bytesToHex(code)
    const programs = [{ insns, type: XDP, license: 'GPL', fixups: [{ slot: 0, map: 0 }] }]
    const { id } = await this.ask({ maps, programs })
    await this.ask({ run: id, packets: [PACKET], repeat: 1 })
    const value = hexToBytes((await this.ask({ list: id, map: 0 })).values![0]!)
    const r0 = new DataView(value.buffer, value.byteOffset).getBigUint64(size, true)
    return { outcome: memoryOutcome(r0, value.subarray(0, size)), time: (count) => this.time(id!, [PACKET], count) }
  }

  private async openObject(workload: ObjectWorkload): Promise<Subject> {
    const { program, listed } = openObject(workload)
    const { btf: _, functions: __, ...bare } = program
    const { id } = await this.ask(kernelQuestion({ ...bare, license: 'GPL' }, PLATFORM))
    const hex = (list: readonly Uint8Array[]): string[] => list.map((packet) => bytesToHex(packet))
    await this.ask({ run: id, packets: hex(workload.before), repeat: 1 })
    const packets = hex(workload.packets)
    const { retvals } = await this.ask({ run: id, packets, repeat: 1 })
    const contents = new Map<string, MapContents>()
    for (const [map, { name }] of mapsOf(program).entries()) {
      if (listed.has(name)) contents.set(name, (await this.ask({ list: id, map })).values!)
    }
    return { outcome: objectOutcome(retvals!, contents), time: (count) => this.time(id!, packets, count) }
  }

  private async time(id: number, packets: readonly string[], count: number): Promise<number> {
    return (await this.ask({ run: id, packets, repeat: Math.ceil(count) })).ns!
  }

  private async ask(message: object): Promise<Reply> {
    this.child.stdin.write(`${JSON.stringify(message)}\n`)
    const { value, done } = await this.lines.next()
    const reply = (done ? { error: 'kernel_timer.py ended' } : JSON.parse(value)) as Reply
    if (reply.error !== undefined) throw new Refusal(reply.error)
    return reply
  }

  close(): void {
    this.child.stdin.end()
  }
}

/** Calls the function behind it on the memory, the value of the map of slot 0, and leaves r0 behind that. */
function wrapper(size: number, length: number): Instruction[] {
  const result = { kind: 'lddw', source: 'map_value', dst: 6, imm: 0, imm2: 0 } as const
  return [
    result,
    { kind: 'wide_tail' },
    { kind: 'alu', op: 'mov', width: 64, dst: 1, src: { reg: 6 } },
    { kind: 'alu', op: 'mov', width: 64, dst: 2, src: { imm: length } },
    { kind: 'call', target: 'local', imm: 3, off: 0 },
    { kind: 'alu', op: 'add', width: 64, dst: 6, src: { imm: size } },
    { kind: 'store', size: 8, base: 6, off: 0, src: { reg: 0 } },
    { kind: 'exit' },
  ]
}
