/**
 * anybpf's own engines: the interpreter without checks; the JIT as it runs verified programs, and as it runs others (`guarded`).
 * @module
 */
import { decodeProgram } from '../../src/isa/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { raw } from '../../src/spec/platforms/raw.ts'
import { AnybpfError } from '../../src/util/index.ts'
import { pairToU64 } from '../../src/util/int64.ts'
import { Interpreter, Jit, justInTime, VirtualCpu, VirtualMachine } from '../../src/vm/index.ts'
import {
  type CodeSize,
  type Engine,
  type MapContents,
  median,
  memoryOutcome,
  objectOutcome,
  Refusal,
  type Subject,
} from './engine.ts'
import { openObject, PLATFORM } from './objects.ts'
import type { MemoryWorkload, ObjectWorkload, Workload } from './workloads.ts'

const COMPILATIONS = 9
/** Long enough for V8 to compile a module again, with its optimising compiler. */
const WARM_UP_MS = 150
const BOUNDLESS = { budget: 0 }

export type OwnEngine = 'interpreter' | 'jit' | 'guarded'

export class AnybpfEngine implements Engine {
  readonly name: OwnEngine
  private readonly runtimes: Runtime[] = []

  constructor(name: OwnEngine) {
    this.name = name
  }

  async open(workload: Workload): Promise<Subject> {
    const subject = this.subject(workload)
    if (this.name === 'interpreter') return subject
    const until = performance.now() + WARM_UP_MS
    for (let count = 1; performance.now() < until; count = Math.min(2 * count, 4096)) {
      await subject.time(count)
      // Code that was compiled meanwhile is taken up between two runs.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return subject
  }

  private subject(workload: Workload): Subject {
    try {
      return workload.kind === 'memory' ? this.openMemory(workload) : this.openObject(workload)
    } catch (error) {
      if (error instanceof AnybpfError && error.code === 'ERR_UNSUPPORTED') throw new Refusal(error.message)
      throw error
    }
  }

  private openMemory(workload: MemoryWorkload): Subject {
    const size = this.name === 'jit' ? measureCompilation(workload) : undefined
    const { machine, cpu, program } = load(workload, this.name !== 'guarded')
    const { memory } = machine
    const { length } = workload
    const start = memory.place(workload.memory)
    let many: (count: number) => void
    if (this.name !== 'interpreter') {
      const jit = new Jit(cpu, justInTime())
      many = (count) => void jit.repeat(program, start, length, count, BOUNDLESS)
    } else {
      const interpreter = new Interpreter(cpu)
      const options = { budget: 0, checked: false }
      many = (count) => {
        for (let i = 0; i < count; i++) interpreter.run(program, start, length, options)
      }
    }
    many(1)
    const r0 = pairToU64(cpu.registers[0]!, cpu.registers[1]!)
    return {
      outcome: memoryOutcome(r0, memory.read(start, workload.memory.length)),
      ...(size !== undefined && { size }),
      time: async (count) => {
        const before = processorNs()
        many(count)
        return (processorNs() - before) / count
      },
    }
  }

  private openObject(workload: ObjectWorkload): Subject {
    if (this.name === 'guarded') throw new Refusal('no maps: programs of objects are verified')
    const runtime = new Runtime({ platform: PLATFORM })
    this.runtimes.push(runtime)
    const { spec, listed } = openObject(workload)
    const { programs, maps } = runtime.load(spec, { programs: [workload.program], engine: this.name })
    const program = programs[workload.program]!
    const { packets } = workload
    for (const packet of workload.before) program.invoke(packet, BOUNDLESS)
    const retvals = packets.map((packet) => program.invoke(packet, BOUNDLESS))
    const contents = new Map<string, MapContents>()
    for (const name of listed) {
      const map = maps[name]!
      contents.set(
        name,
        [...map.keys()].map((key) => map.getBytes(key)!),
      )
    }
    return {
      outcome: objectOutcome(retvals, contents),
      time: async (count) => {
        const before = processorNs()
        for (const packet of packets) program.repeat(packet, count, BOUNDLESS)
        return (processorNs() - before) / (count * packets.length)
      },
    }
  }

  close(): void {
    for (const runtime of this.runtimes) runtime.dispose()
  }
}

/** Time that this process has had a processor; what else runs on the machine does not add to it. */
function processorNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

function load({ name, code }: MemoryWorkload, verified = true) {
  const machine = new VirtualMachine({ platform: raw })
  const cpu = new VirtualCpu({ machine })
  const program = machine.addProgram({ name, insns: decodeProgram(code, 'little'), verified })
  return { machine, cpu, program }
}

/** Each in a machine of its own; V8 knows none of the modules, for each has another name in it. */
function measureCompilation(workload: MemoryWorkload): CodeSize {
  const { machine, cpu } = load(workload)
  const jit = new Jit(cpu, justInTime())
  const times: number[] = []
  let bytes = 0
  for (let i = 0; i < COMPILATIONS; i++) {
    const before = performance.now()
    const insns = decodeProgram(workload.code, 'little')
    const program = machine.addProgram({ name: workload.name, insns, verified: true })
    bytes = jit.prepare(program, 0).bytes!.length
    times.push(performance.now() - before)
  }
  jit.dispose()
  return { firstMs: times[0]!, compileMs: median(times), bytes }
}
