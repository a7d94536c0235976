/**
 * What compiled programs import from the host: functions in JavaScript, for what they do not do themselves.
 * @module
 */
import type { HelperSpec } from '../../spec/types.ts'
import { pairToU64 } from '../../util/int64.ts'
import { FUNCTION_TAG } from '../code-address.ts'
import { FaultSignal, hex, missingHelper } from '../fault-signal.ts'
import type { GuestAddress } from '../guest-memory.ts'
import { type CodeEntry, type ExecutableProgram, type HelperDefinition, isPacketSource } from '../machine.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'
import { CPU_FRAME, CPU_HIGH, CPU_RECORD, CPU_RESULT, CPU_TAIL_CALLS, type CpuBlock } from './cpu-block.ts'
import type { Executable } from './executable.ts'
import { noticedFault, signalledFault } from './faults.ts'
import type { ImportName } from './imports.ts'
import { exportName } from './module-source.ts'

const ENOENT = 2

/** What the host's functions need of the engine. */
export interface HostEngine {
  readonly cpu: VirtualCpu
  readonly block: CpuBlock
  /** What the run in progress began with. */
  readonly current: Executable | undefined
  /** A program, compiled as `current` is. */
  executable(program: ExecutableProgram): Executable
  /** The next portion of the budget, of which `fuel` is left; a fault if there is none. */
  refuel(fuel: number): number | FaultSignal
  /** No table may be believed to hold what a run may call as it is. */
  forgetTailCalls(): void
}

export class HostFunctions {
  /** Where the last call into JavaScript came from. */
  caller: Executable | undefined
  callSlot = 0
  /** While a batch runs: makes the context that of a record. */
  select: ((record: GuestAddress) => void) | undefined
  /** A program has called a function of another one that is not of its kind. */
  private crossed = false
  private readonly engine: HostEngine

  constructor(engine: HostEngine) {
    this.engine = engine
  }

  /** By the names of imports. */
  of(executable: Executable): Record<ImportName, (...args: number[]) => number | undefined> {
    const { cpu } = this.engine
    const { registers } = cpu
    const { linked } = executable.program
    return {
      fault: (what, slot, low, high): never => {
        throw signalledFault(executable, slot!, noticedFault(linked.insns[slot!]!, what!, low!, high!, cpu.frames))
      },
      refuel: (fuel, slot) => {
        const next = this.engine.refuel(fuel!)
        if (typeof next === 'number') return next
        throw signalledFault(executable, slot!, next)
      },
      resolve: (low, high, slot) => {
        this.enterHost(executable, slot!)
        return this.placeOf(executable, low!, high!)
      },
      tail_call: (r1, r2, r3, slot) => {
        this.enterHost(executable, slot!)
        return this.tailCall(executable, this.tailCallHelper()!.call(cpu, r1!, r2!, r3!, 0, 0))
      },
      call_helper: (id, a1, a2, a3, a4, a5, h1, h2, h3, h4, h5, slot) => {
        this.enterHost(executable, slot!)
        const helper = cpu.machine.helpers.get(id!)
        if (helper === undefined) throw missingHelper(id!)
        const highs = [h1!, h2!, h3!, h4!, h5!]
        for (let i = 0; i < highs.length; i++) registers[2 * i + 3] = highs[i]!
        registers[0] = registers[1] = 0
        const result = helper.call(cpu, a1!, a2!, a3!, a4!, a5!)
        cpu.memory.refresh()
        if (helper.spec.tailCall === true) {
          this.engine.block.setWord(CPU_RESULT, -ENOENT)
          this.engine.block.setWord(CPU_HIGH, -1)
          return this.tailCall(executable, result)
        }
        const { returns } = helper.spec
        if (returns === 'i32' || returns === 'u32') {
          this.engine.block.setWord(CPU_RESULT, result)
          this.engine.block.setWord(CPU_HIGH, returns === 'i32' ? result >> 31 : 0)
        } else {
          this.engine.block.setWord(CPU_RESULT, registers[0]!)
          this.engine.block.setWord(CPU_HIGH, registers[1]!)
        }
        return -1
      },
      load_packet: (offset, size, slot) => {
        this.enterHost(executable, slot!)
        const { context } = cpu
        if (!isPacketSource(context)) throw new FaultSignal('no_packet', 'the context of this program is no packet')
        const value = context.loadPacket(offset!, size!)
        this.engine.block.setWord(CPU_HIGH, value < 0 ? 0 : 1)
        return Math.max(0, value) | 0
      },
    }
  }

  /** The import of one helper, with as many parameters as it takes: V8 calls such functions directly. */
  helper(executable: Executable, { spec, call }: HelperDefinition): (...args: number[]) => number {
    const { cpu } = this.engine
    const { registers } = cpu
    const wide = wideArguments(spec)
    const result = (value: number): number => {
      if (spec.returns === 'i32' || spec.returns === 'u32') return value
      cpu.memory.refresh()
      this.engine.block.setWord(CPU_HIGH, registers[1]!)
      return registers[0]!
    }
    if (wide.length === 0) {
      switch (spec.args.length) {
        case 0:
          return (slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, 0, 0, 0, 0, 0))
          }
        case 1:
          return (r1, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, 0, 0, 0, 0))
          }
        case 2:
          return (r1, r2, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, 0, 0, 0))
          }
        case 3:
          return (r1, r2, r3, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, r3!, 0, 0))
          }
        case 4:
          return (r1, r2, r3, r4, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, r3!, r4!, 0))
          }
        default:
          return (r1, r2, r3, r4, r5, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, r3!, r4!, r5!))
          }
      }
    }
    const count = spec.args.length
    const args = new Int32Array(5)
    return (...values) => {
      this.enterHost(executable, values[count + wide.length]!)
      args.fill(0)
      for (let i = 0; i < count; i++) args[i] = values[i]!
      for (let i = 0; i < wide.length; i++) registers[2 * wide[i]! + 1] = values[count + i]!
      return result(call(cpu, args[0]!, args[1]!, args[2]!, args[3]!, args[4]!))
    }
  }

  /** Before anything that runs in JavaScript: where the call came from, and what it may have changed meanwhile. */
  private enterHost(executable: Executable, slot: number): void {
    const { cpu } = this.engine
    this.caller = executable
    this.callSlot = slot
    cpu.memory.refresh()
    if (this.select !== undefined) this.select(this.engine.block.word(CPU_RECORD) >>> 0)
    cpu.registers[0] = 0
    cpu.registers[1] = 0
    // Helpers test what an unverified program hands them against the frames that are live.
    cpu.checked = executable.guard
    cpu.depth = cpu.depthOf(this.engine.block.word(CPU_FRAME))
  }

  private tailCallHelper(): HelperDefinition | undefined {
    for (const helper of this.engine.cpu.machine.helpers.values()) if (helper.spec.tailCall === true) return helper
    return undefined
  }

  /** Where the program is that replaces the one of `caller`; -1 if there is none in the slot, or there were too many. */
  private tailCall(caller: Executable, index: number): number {
    const { cpu } = this.engine
    const { machine } = cpu
    const found = index < 0 ? undefined : machine.programs[index]
    // A program of another type would take the context for what it is not.
    const entry = this.engine.current!.program
    const program = found?.linked.type === entry.linked.type ? found : undefined
    if (program === undefined || this.engine.block.word(CPU_TAIL_CALLS) >= machine.platform.limits.tailCalls) return -1
    if (entry.linked.verified === true && program.linked.verified !== true) {
      // The interpreter would check every access from here on.
      const reason = `a verified program calls ${program.name}, which nobody verified: only the interpreter can run that`
      throw new FaultSignal('bad_call', reason)
    }
    this.engine.block.setWord(CPU_TAIL_CALLS, this.engine.block.word(CPU_TAIL_CALLS) + 1)
    const code = this.engine.executable(program).instance.exports[exportName(0)]!
    // What this run may do every run may, unless a run began with something else and came to the caller by an address.
    const always = !this.crossed && caller.program.linked.type === entry.linked.type
    const proper = caller.guard || program.linked.verified === true
    return always && proper ? caller.table!.setProgram(program, code) : caller.table!.setOnce(code)
  }

  /** The function at a code address. Throws a fault signal where there is none. */
  codeEntry(low: number, high: number): CodeEntry {
    const entry = high === FUNCTION_TAG ? this.engine.cpu.machine.codeEntries.get(low >>> 0) : undefined
    if (entry === undefined) {
      throw new FaultSignal('bad_call', `${hex(pairToU64(low, high))} is not the address of a function`)
    }
    const { linked } = entry.program
    const { type, verified } = this.engine.current!.program.linked
    if (!this.crossed && (linked.type !== type || linked.verified !== verified)) {
      this.crossed = true
      this.engine.forgetTailCalls()
    }
    return entry
  }

  /** Where the table of a program has the function at an address. */
  private placeOf(caller: Executable, low: number, high: number): number {
    const { program, slot } = this.codeEntry(low, high)
    return caller.table!.functionPlace(low, () => this.engine.executable(program).instance.exports[exportName(slot)]!)
  }
}

function wideArguments({ args }: HelperSpec): number[] {
  return args.flatMap((width, i) => (width === 64 ? [i + 1] : []))
}
