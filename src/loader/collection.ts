/**
 * What comes of loading an object: its programs and maps, alive.
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { BpfMap } from '../maps/index.ts'
import type { PacketInput, PacketOutput } from '../programs/index.ts'
import { AnybpfError } from '../util/index.ts'
import type { Program } from './program.ts'

/**
 * Programs and maps by name (records without a prototype), and the global variables. Disposing of it frees what loading
 * it made; maps that were handed in stay.
 */
export class Collection {
  readonly programs: Readonly<Record<string, Program<PacketInput, PacketOutput>>>
  /** Maps that the object declares, and its global data: `.bss`, `.rodata`. */
  readonly maps: Readonly<Record<string, BpfMap>>
  private release: (() => void) | undefined

  constructor(
    programs: Readonly<Record<string, Program<PacketInput, PacketOutput>>>,
    maps: Readonly<Record<string, BpfMap>>,
    release: () => void,
  ) {
    this.programs = programs
    this.maps = maps
    this.release = release
  }

  /** The program of that name. Throws ERR_NOT_FOUND, and says which there are. */
  program(name: string): Program<PacketInput, PacketOutput> {
    return this.programs[name] ?? notFound('program', name, this.programs)
  }

  /** The map of that name. Throws ERR_NOT_FOUND, and says which there are. */
  map(name: string): BpfMap {
    return this.maps[name] ?? notFound('map', name, this.maps)
  }

  dispose(): void {
    for (const program of Object.values(this.programs)) program.dispose()
    this.release?.()
    this.release = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

function notFound(what: string, name: string, there: Readonly<Record<string, unknown>>): never {
  throw new AnybpfError('ERR_NOT_FOUND', `no ${what} ${name}; there is ${Object.keys(there).join(', ') || 'none'}`)
}
