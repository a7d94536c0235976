/**
 * Helpers of a hostile world: each checks that what it is handed is what its prototype asks for, and then answers
 * whatever the prototype allows: any number, any contents of buffers, an object or NULL. Helpers that exist are called,
 * most of the time; r1 to r5 are spoilt after every call.
 *
 * What a verifier knows of a helper is its signature (`HelperSignature`); that is all that these keep to.
 * @module
 */
import { BUILTIN_HELPERS } from '../../helpers/index.ts'
import { type ArgSpec, type HelperSignature, type HelperSpec, type Platform, signatureFor } from '../../spec/index.ts'
import type { HelperDefinition, HelperFunction, MapStore, Region, VirtualCpu } from '../../vm/index.ts'
import type { Extension } from '../extension.ts'
import type { GuestObjects } from './guest-objects.ts'
import { SoundnessViolation } from './self-check.ts'
import type { ValueSource } from './value-source.ts'
import { hex64 } from './values.ts'

/** What the helpers share: the world around the programs that are checked. */
export interface HostileWorld {
  readonly values: ValueSource
  /** Set once the machine exists. */
  readonly objects: GuestObjects
  /** Program type of the program that runs. */
  readonly programType: string
  /** Out of 256: how many calls of helpers that exist are answered without them. */
  readonly havoc: number
  /** Some value of a map, for helpers that find it by what is not in memory here. */
  readonly anyValue: (map: MapStore) => number
  /** Other CPUs, the host: called at every helper call. */
  readonly disturb: () => void
}

const MAX_ERRNO = 4095
const KERNEL_OBJECT_BYTES = 512
/** Helpers whose result is a length of the memory that they were given, or an error. */
const LENGTH_OR_ERROR: ReadonlySet<string> = new Set([
  'get_stack',
  'get_task_stack',
  'probe_read_str',
  'probe_read_kernel_str',
  'probe_read_user_str',
])
/** Linux can be built for no more. */
const MAX_CPUS = 8192
/** Helpers that are what they are: nothing may be made up in their place. */
const EXACT: ReadonlySet<string> = new Set(['tail_call', 'loop'])
/** Helpers that are always made up: records must be given back to where they came from. */
const INVENTED: ReadonlySet<string> = new Set(['ringbuf_reserve', 'ringbuf_submit', 'ringbuf_discard'])
/** Rounds of a walk over a map. */
const MAX_ROUNDS = 4

/** All helpers of a platform, hostile ones: an extension for the runtime that is to be checked. */
export function hostileHelpers(platform: Platform, world: HostileWorld): Extension {
  const real = new Map<string, HelperFunction>()
  for (const { spec, call } of BUILTIN_HELPERS) real.set(spec.name, call)
  const helpers: HelperDefinition[] = []
  for (const spec of platform.helpers.values()) {
    // All 64 bits of the result are the helper's to give.
    const returns = spec.tailCall === true ? spec.returns : 'u64'
    const helper = new HostileHelper(spec, real.get(spec.name), world)
    helpers.push({
      spec: { ...spec, returns },
      call: (cpu, r1, r2, r3, r4, r5) => helper.call(cpu as VirtualCpu, r1, r2, r3, r4, r5),
    })
  }
  return { helpers }
}

class HostileHelper {
  private readonly spec: HelperSpec
  private readonly real: HelperFunction | undefined
  private readonly world: HostileWorld

  constructor(spec: HelperSpec, real: HelperFunction | undefined, world: HostileWorld) {
    this.spec = spec
    this.real = INVENTED.has(spec.name) ? undefined : real
    this.world = world
  }

  call(cpu: VirtualCpu, r1: number, r2: number, r3: number, r4: number, r5: number): number {
    const { spec, real, world } = this
    const signature = signatureFor(spec, world.programType)
    const args = signature?.args ?? []
    this.checkArguments(cpu, args)
    world.disturb()
    if (spec.tailCall === true) return real === undefined ? -1 : real(cpu, r1, r2, r3, r4, r5)
    const invented = real === undefined || (!EXACT.has(spec.name) && world.values.random.u32() >>> 24 < world.havoc)
    if (invented && signature !== undefined) this.invent(cpu, signature)
    else if (real !== undefined) this.callReal(cpu, real, r1, r2, r3, r4, r5)
    this.remember(cpu, signature, r1)
    // What a program must not rely on is not there.
    for (let i = 2; i < 12; i++) cpu.registers[i] = world.values.random.u32()
    return 0
  }

  private callReal(
    cpu: VirtualCpu,
    real: HelperFunction,
    r1: number,
    r2: number,
    r3: number,
    r4: number,
    r5: number,
  ): void {
    const result = real(cpu, r1, r2, r3, r4, r5)
    switch (this.spec.returns) {
      case 'i32':
        cpu.setResult(result, result >> 31)
        return
      case 'u32':
        cpu.setResult(result, 0)
        return
      case 'void':
        this.setNumber(cpu)
        return
      case 'u64':
    }
  }

  /** Keeps in mind what the program was given. */
  private remember(cpu: VirtualCpu, signature: HelperSignature | undefined, r1: number): void {
    const low = cpu.registers[0]! >>> 0
    if (signature === undefined || low === 0) return
    const { objects } = this.world
    if (signature.returns.kind === 'map_value') objects.addValue(r1 >>> 0, low)
  }

  // --- arguments -----------------------------------------------------------------------------------------------------

  private checkArguments(cpu: VirtualCpu, args: readonly ArgSpec[]): void {
    let map: MapStore | undefined
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!
      const low = cpu.registers[2 * i + 2]!
      const high = cpu.registers[2 * i + 3]!
      switch (arg.kind) {
        case 'anything':
          continue
        case 'const_map_ptr':
          map = high === 0 ? cpu.machine.maps.get(low >>> 0) : undefined
          if (map === undefined) this.refuse(i, low, high, 'is not a map')
          continue
        case 'map_key':
          this.checkMemory(cpu, i, low, high, map?.keySize ?? 0, false, false)
          continue
        case 'map_value':
          this.checkMemory(cpu, i, low, high, map?.valueSize ?? 0, arg.access === 'write', arg.nullable === true)
          continue
        case 'mem':
          this.checkBuffer(cpu, i, arg, args[i + 1], low, high)
          continue
        case 'const_size':
        case 'const_size_or_zero':
        case 'const_alloc_size_or_zero':
          if (high !== 0 || low < 0) this.refuse(i, low, high, 'is no size')
          if (low === 0 && arg.kind === 'const_size') this.refuse(i, low, high, 'is no size, which may not be zero')
          continue
        case 'ctx':
          if (low === 0 && high === 0 && arg.nullable === true) continue
          if (high !== 0 || low >>> 0 !== this.world.objects.context) this.refuse(i, low, high, 'is not the context')
          continue
        case 'ringbuf_mem':
          if (high !== 0 || !this.world.objects.isMemory(low >>> 0, 0)) this.refuse(i, low, high, 'is no record')
          continue
        default:
          if ((low | high) === 0 && arg.nullable !== true) this.refuse(i, low, high, `is no ${arg.kind}`)
      }
    }
  }

  private checkBuffer(
    cpu: VirtualCpu,
    i: number,
    arg: ArgSpec,
    next: ArgSpec | undefined,
    low: number,
    high: number,
  ): void {
    const sized = next?.kind === 'const_size' || next?.kind === 'const_size_or_zero'
    const size = arg.size ?? (sized ? cpu.registers[2 * i + 4]! >>> 0 : 0)
    const writes = arg.access === 'write' || arg.access === 'read_write'
    this.checkMemory(cpu, i, low, high, size, writes, arg.nullable === true || size === 0)
  }

  private checkMemory(
    cpu: VirtualCpu,
    i: number,
    low: number,
    high: number,
    size: number,
    writes: boolean,
    nullable: boolean,
  ): void {
    if ((low | high) === 0 && nullable) return
    if (size === 0) return
    const region: Region | undefined = high === 0 ? cpu.machine.regions.find(low >>> 0, size) : undefined
    if (region === undefined || (writes && !region.writable)) {
      this.refuse(i, low, high, `is no memory of ${size} bytes to ${writes ? 'write' : 'read'}`)
    }
  }

  private refuse(i: number, low: number, high: number, what: string): never {
    throw new SoundnessViolation(`argument ${i + 1} of ${this.spec.name}, ${hex64(low, high)}, ${what}`, {
      helper: this.spec.name,
    })
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  private invent(cpu: VirtualCpu, signature: HelperSignature): void {
    const { values } = this.world
    const { args, returns } = signature
    const map = cpu.machine.maps.get(cpu.registers[2]! >>> 0)
    for (let i = 0; i < args.length; i++) this.writeArgument(cpu, args, i, map)
    if (this.spec.name === 'for_each_map_elem') {
      this.walk(cpu, map)
      return
    }
    args.forEach(({ release }, i) => {
      if (release === true) this.world.objects.release(cpu.registers[2 * i + 2]! >>> 0)
    })
    const object = returns.nullable !== true || (values.random.u32() & 3) !== 0
    switch (returns.kind) {
      case 'integer':
        this.setInteger(cpu, args)
        return
      case 'void':
        this.setNumber(cpu)
        return
      case 'map_value':
        this.lookUp(cpu, map, object)
        return
      case 'alloc_mem':
        cpu.setResult(object ? this.allocate(cpu, cpu.registers[4]! >>> 0) : 0, 0)
        return
      case 'mem':
      case 'dynptr_mem':
        cpu.setResult(0, 0)
        return
      default:
        cpu.setResult(object ? this.kernelObject(cpu) : 0, 0)
    }
  }

  private writeArgument(cpu: VirtualCpu, args: readonly ArgSpec[], i: number, map: MapStore | undefined): void {
    const arg = args[i]!
    if (arg.access !== 'write' && arg.access !== 'read_write') return
    const address = cpu.registers[2 * i + 2]! >>> 0
    if (address === 0) return
    let size = arg.size ?? 0
    if (arg.kind === 'map_value') size = map?.valueSize ?? 0
    else if (arg.kind !== 'mem') return
    else if (arg.size === undefined) size = cpu.registers[2 * i + 4]! >>> 0
    this.world.values.fill(cpu.memory.view, address, address + size)
  }

  private setNumber(cpu: VirtualCpu): void {
    const { values } = this.world
    values.draw()
    cpu.setResult(values.low, values.high)
  }

  private setInteger(cpu: VirtualCpu, args: readonly ArgSpec[]): void {
    const { random } = this.world.values
    if (this.spec.name === 'get_smp_processor_id') {
      cpu.setResult(random.below(MAX_CPUS), 0)
      return
    }
    if (!LENGTH_OR_ERROR.has(this.spec.name)) {
      this.setNumber(cpu)
      return
    }
    const at = args.findIndex(({ kind }) => kind === 'const_size' || kind === 'const_size_or_zero')
    const size = at < 0 ? 0 : cpu.registers[2 * at + 2]! >>> 0
    const result = (random.u32() & 3) === 0 ? -1 - random.below(MAX_ERRNO) : random.below(size + 1)
    cpu.setResult(result, result >> 31)
  }

  /** An element that is there, or NULL where the key need not be: as if another CPU had deleted it. */
  private lookUp(cpu: VirtualCpu, map: MapStore | undefined, object: boolean): void {
    const { real } = this
    if (real === undefined) {
      // Storage of sockets, tasks, cgroups: there is a value, or one is made.
      cpu.setResult(object && map !== undefined ? this.world.anyValue(map) : 0, 0)
      return
    }
    const found =
      map === undefined
        ? 0
        : real(cpu, cpu.registers[2]!, cpu.registers[4]!, cpu.registers[6]!, cpu.registers[8]!, cpu.registers[10]!)
    // Elements of arrays never go away, and programs need not test for it.
    const type = cpu.machine.platform.mapTypes.get(map?.typeId ?? -1)?.name ?? ''
    cpu.setResult(object || type.endsWith('array') ? found : 0, 0)
  }

  /** A block that did not exist before, as a record of a ring buffer is. */
  private allocate(cpu: VirtualCpu, size: number): number {
    const { objects } = this.world
    const start = objects.allocate(size, 'record', true)
    this.world.values.fill(cpu.memory.view, start, start + size)
    objects.addMemory(start, size)
    return start
  }

  private kernelObject(cpu: VirtualCpu): number {
    const start = this.world.objects.kernelObject(KERNEL_OBJECT_BYTES)
    this.world.values.fill(cpu.memory.view, start, start + KERNEL_OBJECT_BYTES)
    return start
  }

  /** Calls back for some elements, in any order: for each that the program can have seen, at most. */
  private walk(cpu: VirtualCpu, map: MapStore | undefined): void {
    const { values, objects } = this.world
    const [callback, callbackHigh] = [cpu.registers[4]!, cpu.registers[5]!]
    const context = cpu.registers[6]!
    let rounds = 0
    if (map !== undefined) {
      const key = objects.allocate(map.keySize, 'key', false)
      objects.addMemory(key, map.keySize)
      for (const value of objects.valuesOfStore(map.address)) {
        if (rounds === MAX_ROUNDS) break
        rounds++
        values.fill(cpu.memory.view, key, key + map.keySize)
        if (cpu.callFunction(callback, callbackHigh, map.address, key, value, context) !== 0) break
      }
    }
    cpu.setResult(rounds, 0)
  }
}
