/**
 * Compiles one program in this process, first when nothing else has been compiled in it, then again: prints JSON of a
 * {@link Measured}. `bench/compile.ts` starts it: `KIND COUNT VERIFIED WARM`.
 * @module
 */
import { BIG_PROGRAMS } from '../../scripts/jit/big-programs.ts'
import { BUILTIN_HELPERS, helpersOf } from '../../src/helpers/index.ts'
import { decodeProgram, encodeProgram, type Instruction } from '../../src/isa/index.ts'
import { ARRAY } from '../../src/maps/index.ts'
import { linux } from '../../src/spec/index.ts'
import { BpfFault, Jit, VirtualCpu, VirtualMachine } from '../../src/vm/index.ts'
import { translate } from '../../src/vm/jit/just-in-time.ts'
import { median } from '../engines/engine.ts'
import { COMPILE_KINDS, MEMORY_BYTES, VALUE_BYTES } from './kinds.ts'

/** Milliseconds. */
export interface Phases {
  /** From instructions to bytes, by the clock. */
  readonly translate: number
  /** `new WebAssembly.Module`. */
  readonly module: number
  /** The instance, and the first run. */
  readonly first: number
  /** Of all: time that the process had a processor, its helper threads included. */
  readonly cpu: number
}

export interface Measured {
  readonly insns: number
  readonly bytes: number
  readonly cold: Phases
  /** Medians. */
  readonly warm: Phases | undefined
}

const BUDGET = 1_000_000
/** Before anything is measured warm: V8 has compiled what it is going to by then. */
const WARM_UP_MS = 1500

const platform = linux()
const machine = new VirtualMachine({ platform, helpers: helpersOf(platform, BUILTIN_HELPERS) })
const cpu = new VirtualCpu({ machine })
const map = ARRAY.create(machine, { name: 'm', keySize: 4, valueSize: VALUE_BYTES, maxEntries: 8, flags: 0, cpus: 1 })
machine.addMap(map)

/** As a file has them. */
function asDecoded(insns: readonly Instruction[]): Instruction[] {
  return decodeProgram(encodeProgram(insns, 'little'), 'little')
}

const [kind, count, verified, rounds] = process.argv.slice(2)
const made = COMPILE_KINDS[kind!]?.(Number(count), map.address)
const big = made === undefined ? BIG_PROGRAMS[kind!]!(Number(count)) : undefined
const insns = asDecoded(made ?? big!.insns)
const indirectTargets = big?.indirectTargets
const memory = machine.memory.allocate(MEMORY_BYTES)

let times = { translate: 0, module: 0 }
let bytes = 0
const jit = new Jit(cpu, (program, request) => {
  const began = performance.now()
  const compiled = translate(program, request)
  const translated = performance.now()
  const module = new WebAssembly.Module(compiled.bytes)
  times = { translate: translated - began, module: performance.now() - translated }
  bytes = compiled.bytes.length
  return { ...compiled, module, id: request.id }
})

function once(): Phases {
  const isVerified = verified === 'verified'
  const program = machine.addProgram({
    name: kind!,
    insns,
    verified: isVerified,
    ...(indirectTargets !== undefined && { indirectTargets }),
  })
  const before = process.cpuUsage()
  const began = performance.now()
  try {
    jit.run(program, memory, MEMORY_BYTES, { budget: isVerified ? 0 : BUDGET })
  } catch (error) {
    if (!(error instanceof BpfFault)) throw error
  }
  const took = performance.now() - began
  const { user, system } = process.cpuUsage(before)
  jit.forget(program)
  machine.removeProgram(program)
  return { ...times, first: took - times.translate - times.module, cpu: (user + system) / 1000 }
}

function medians(all: readonly Phases[]): Phases {
  const of = (phase: keyof Phases): number => median(all.map((one) => one[phase]))
  return { translate: of('translate'), module: of('module'), first: of('first'), cpu: of('cpu') }
}

const cold = once()
const warm: Phases[] = []
if (Number(rounds) > 0) {
  for (const until = performance.now() + WARM_UP_MS; performance.now() < until; ) {
    once()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  for (let i = 0; i < Number(rounds); i++) {
    warm.push(once())
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
const result: Measured = { insns: insns.length, bytes, cold, warm: warm.length === 0 ? undefined : medians(warm) }
console.log(JSON.stringify(result))
