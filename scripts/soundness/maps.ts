/**
 * The maps that generated programs use: one live set for all of them, as the verifier is told of them and as they are.
 * @module
 */
import type { Instruction } from '../../src/isa/index.ts'
import type { Runtime } from '../../src/loader/index.ts'
import type { ValueSource } from '../../src/loader/self-check/value-source.ts'
import type { BpfMap } from '../../src/maps/index.ts'
import type { MapSpec } from '../../src/object/index.ts'
import type { VerifierMap, VerifierProgram, VerifierReference } from '../../src/verifier/index.ts'
import type { LinkedProgram } from '../../src/vm/index.ts'
import type { GeneratorMap } from './generator/knowledge.ts'

const TYPE = { hash: 1, array: 2, programs: 3, percpuArray: 6, ringbuf: 27 } as const
const RDONLY_PROG = 128

interface MapRow {
  readonly name: string
  readonly role: GeneratorMap['role']
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags?: number
}

const ROWS: readonly MapRow[] = [
  { name: 'array', role: 'array', type: TYPE.array, keySize: 4, valueSize: 48, maxEntries: 3 },
  { name: 'large', role: 'array', type: TYPE.array, keySize: 4, valueSize: 256, maxEntries: 2 },
  { name: 'hash', role: 'hash', type: TYPE.hash, keySize: 8, valueSize: 24, maxEntries: 8 },
  { name: 'percpu', role: 'percpu', type: TYPE.percpuArray, keySize: 4, valueSize: 16, maxEntries: 2 },
  { name: 'data', role: 'data', type: TYPE.array, keySize: 4, valueSize: 64, maxEntries: 1 },
  {
    name: 'rodata',
    role: 'constants',
    type: TYPE.array,
    keySize: 4,
    valueSize: 40,
    maxEntries: 1,
    flags: RDONLY_PROG,
  },
  { name: 'ring', role: 'ringbuf', type: TYPE.ringbuf, keySize: 0, valueSize: 0, maxEntries: 4096 },
  // A program array holds programs of one type.
  ...['xdp', 'sched_cls'].map(
    (name): MapRow => ({ name, role: 'programs', type: TYPE.programs, keySize: 4, valueSize: 4, maxEntries: 4 }),
  ),
]

/** Where the maps live: what a `HostileRuntime` has. */
export interface MapHost {
  readonly runtime: Runtime
  readonly values: ValueSource
  /** Told where things lie. */
  readonly objects: { bindMap(map: VerifierMap, address: number): void; addValue(map: number, value: number): void }
  /** Told of memory that others may write to. */
  share(start: number, size: number): void
}

export class GeneratorMaps {
  readonly maps: readonly GeneratorMap[]
  private readonly live = new Map<VerifierMap, BpfMap>()
  private readonly valueAddresses = new Map<VerifierMap, number>()

  constructor(host: MapHost) {
    this.maps = ROWS.map((row) => this.create(host, row))
  }

  /** Address of a map, or of a byte in the value of a data section's map. */
  address(map: VerifierMap, offset?: number): number {
    return offset === undefined ? this.live.get(map)!.address : this.valueAddresses.get(map)! + offset
  }

  /** A program whose maps are these. */
  link({ name, insns, references }: VerifierProgram): LinkedProgram {
    const linked: Instruction[] = insns.slice()
    for (const [slot, reference] of references ?? []) linked[slot] = this.located(linked[slot]!, reference)
    return { name, insns: linked }
  }

  private located(insn: Instruction, reference: VerifierReference): Instruction {
    if (insn.kind !== 'lddw' || (reference.kind !== 'map' && reference.kind !== 'map_value')) return insn
    const offset = reference.kind === 'map' ? undefined : reference.offset
    const imm = this.address(reference.map, offset) | 0
    return { kind: 'lddw', source: 'imm64', dst: insn.dst, imm, imm2: 0 }
  }

  named(name: string): BpfMap | undefined {
    for (const [map, live] of this.live) if (map.name === name) return live
    return undefined
  }

  private create(host: MapHost, row: MapRow): GeneratorMap {
    const { name, role, type, keySize, valueSize, maxEntries, flags = 0 } = row
    const constants = role === 'constants' ? host.values.random.bytes(valueSize) : undefined
    const map: VerifierMap = {
      name,
      type,
      keySize,
      valueSize,
      maxEntries,
      flags,
      ...(constants !== undefined && { frozen: true, contents: constants }),
    }
    const spec: MapSpec = {
      name,
      kind: 'map',
      section: '.maps',
      type,
      keySize,
      valueSize,
      maxEntries,
      flags,
      pinning: 0,
      mapExtra: 0n,
    }
    const live = host.runtime.createMap(spec)
    this.live.set(map, live)
    host.objects.bindMap(map, live.address)
    if (role === 'hash') this.fillHash(live)
    if (role === 'data' || role === 'constants') {
      const address = live.valueAddress
      this.valueAddresses.set(map, address)
      host.objects.addValue(live.address, address)
      if (constants !== undefined) host.runtime.machine.memory.u8.set(constants, address)
    }
    if (role === 'array' || role === 'data') {
      const start = live.valueAddress
      // Elements of the arrays here are multiples of eight bytes: they lie one behind the other.
      host.share(start, valueSize * maxEntries)
      const { memory } = host.runtime.machine
      host.values.fill(memory.view, start, start + valueSize * maxEntries)
    }
    return { map, role }
  }

  private fillHash(map: BpfMap): void {
    for (let i = 0; i < 6; i++) {
      const key = new Uint8Array(8)
      key[0] = i
      map.set(key, new Uint8Array(map.valueSize).fill(i * 37))
    }
  }
}
