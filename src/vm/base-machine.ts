/**
 * The machine: what all CPUs of one runtime share. Memory, regions, maps, programs, helpers.
 * @module
 */
import { codeAddressTarget } from '../isa/cfg.ts'
import type { Platform } from '../spec/types.ts'
import { AnybpfError } from '../util/errors.ts'
import type { GuestAddress, GuestMemory } from './guest-memory.ts'
import type { LinkedProgram } from './linked-program.ts'
import type { CodeEntry, ExecutableProgram, HelperDefinition, Machine, MapStore } from './machine.ts'
import { SortedRegionSet } from './regions.ts'
import { isMapOfMaps, isProgramArray } from './stores.ts'

export interface BaseMachineOptions {
  readonly platform: Platform
  readonly memory: GuestMemory
  /** Helpers by number; default none. */
  readonly helpers?: ReadonlyMap<number, HelperDefinition>
}

export class BaseMachine implements Machine {
  readonly platform: Platform
  readonly memory: GuestMemory
  readonly regions = new SortedRegionSet(() => this.noteRegions())
  readonly helpers: ReadonlyMap<number, HelperDefinition>
  readonly maps = new Map<GuestAddress, MapStore>()
  readonly programs: (ExecutableProgram | undefined)[] = []
  readonly codeEntries = new Map<number, CodeEntry>()
  readonly onRemoval = new Set<(program: ExecutableProgram) => void>()
  /** Code addresses count up and never come again, so that a stale one cannot call another program's code. */
  private nextCodeIndex = 0

  constructor(options: BaseMachineOptions) {
    this.platform = options.platform
    this.memory = options.memory
    this.helpers = options.helpers ?? new Map()
  }

  /** Compiled programs let maps grow without telling anybody. */
  private noteRegions(): boolean {
    let noted = false
    for (const map of this.maps.values()) if (map.noteRegions?.() === true) noted = true
    return noted
  }

  addMap(map: MapStore): void {
    this.maps.set(map.address, map)
  }

  /** Takes a map away, also out of the maps that hold it. */
  removeMap(map: MapStore): void {
    if (!this.maps.delete(map.address)) return
    for (const outer of this.maps.values()) if (isMapOfMaps(outer)) outer.removeMap(map.address)
  }

  /**
   * Puts a program into the table and gives an address to every function whose address it takes. Throws ERR_BYTE_ORDER for
   * a big-endian program, ERR_LINK where a symbol has been left without a number.
   */
  addProgram(linked: LinkedProgram): ExecutableProgram {
    if (linked.byteOrder === 'big') {
      throw new AnybpfError('ERR_BYTE_ORDER', `${linked.name}: a big-endian program cannot be executed here`)
    }
    const functions = addressTakenSlots(linked)
    const free = this.programs.indexOf(undefined)
    const program: ExecutableProgram = {
      name: linked.name,
      index: free < 0 ? this.programs.length : free,
      linked,
      codeIndices: new Map(functions.map((slot) => [slot, this.nextCodeIndex++])),
    }
    for (const [slot, index] of program.codeIndices) this.codeEntries.set(index, { program, slot })
    this.programs[program.index] = program
    return program
  }

  /** Releases the program's slot, also in program arrays, and its code addresses. */
  removeProgram(program: ExecutableProgram): void {
    if (this.programs[program.index] !== program) return
    this.programs[program.index] = undefined
    for (const map of this.maps.values()) if (isProgramArray(map)) map.removeProgram(program.index)
    for (const index of program.codeIndices.values()) this.codeEntries.delete(index)
    for (const listener of this.onRemoval) listener(program)
  }
}

/** First slots of the functions whose address a program takes, ascending. Throws ERR_LINK for one that does not exist. */
function addressTakenSlots(linked: LinkedProgram): number[] {
  const slots = new Set<number>()
  linked.insns.forEach((insn, slot) => {
    if (insn.kind !== 'lddw') return
    if (insn.source === 'code_addr') {
      const target = codeAddressTarget(slot, insn)
      const kind = linked.insns[target]?.kind
      if (kind === undefined || kind === 'wide_tail') {
        throw new AnybpfError('ERR_LINK', `${linked.name}: insn ${slot}: no function at slot ${target}`)
      }
      slots.add(target)
    } else if (insn.source !== 'imm64') {
      throw new AnybpfError('ERR_LINK', `${linked.name}: insn ${slot}: ${insn.source} ${insn.imm} has no address yet`)
    }
  })
  return [...slots].sort((a, b) => a - b)
}
