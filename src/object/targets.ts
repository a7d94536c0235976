/**
 * What the symbols of an object stand for once its sections have been understood: functions, maps, bytes of global
 * data, symbols of somebody else.
 * @module
 */
import { type ElfSymbol, SECTION_ABSOLUTE, SECTION_COMMON, SECTION_UNDEFINED } from '../elf/index.ts'
import { AnybpfError, quoteName } from '../util/index.ts'

export type Target =
  | { readonly kind: 'function'; readonly function: string }
  | { readonly kind: 'map'; readonly map: string }
  | { readonly kind: 'map_value'; readonly map: string; readonly offset: number }
  | { readonly kind: 'extern'; readonly extern: string }

type Place =
  | { readonly kind: 'code'; readonly names: Map<number, string> }
  | { readonly kind: 'maps'; readonly names: Map<number, string> }
  | { readonly kind: 'data'; readonly map: string; readonly size: number }

export class Targets {
  private readonly places = new Map<number, Place>()
  private readonly sectionNames: readonly string[]
  private readonly kconfig = new Map<string, { readonly map: string; readonly offset: number }>()

  /** `sectionNames` by index, for messages. */
  constructor(sectionNames: readonly string[]) {
    this.sectionNames = sectionNames
  }

  addFunction(section: number, offset: number, name: string): void {
    this.named(section, 'code').set(offset, name)
  }

  addMap(section: number, offset: number, name: string): void {
    this.named(section, 'maps').set(offset, name)
  }

  addData(section: number, map: string, size: number): void {
    this.places.set(section, { kind: 'data', map, size })
  }

  /** An extern whose value is part of a map. */
  addKconfig(name: string, map: string, offset: number): void {
    this.kconfig.set(name, { map, offset })
  }

  /** What `symbol + addend` bytes stands for. Throws `ERR_RELOCATION` if nothing that a program may refer to. */
  resolve(symbol: ElfSymbol, addend: number): Target {
    const named = symbol.name === '' ? `symbol ${symbol.index}` : `symbol ${quoteName(symbol.name)}`
    if (symbol.section === SECTION_UNDEFINED) return this.undefinedSymbol(symbol, named)
    if (symbol.section === SECTION_COMMON) {
      throw new AnybpfError('ERR_RELOCATION', `${named} is common data: compile with -fno-common`)
    }
    if (symbol.section === SECTION_ABSOLUTE) {
      throw new AnybpfError('ERR_RELOCATION', `${named} is an absolute value, not a place in this object`)
    }
    const offset = symbol.value + addend
    const place = this.places.get(symbol.section)
    const section = quoteName(this.sectionNames[symbol.section] ?? `#${symbol.section}`)
    switch (place?.kind) {
      case 'code': {
        const name = place.names.get(offset)
        if (name !== undefined) return { kind: 'function', function: name }
        throw new AnybpfError('ERR_RELOCATION', `${named}: no function starts at byte ${offset} of section ${section}`)
      }
      case 'maps': {
        const name = place.names.get(offset)
        if (name !== undefined) return { kind: 'map', map: name }
        throw new AnybpfError('ERR_RELOCATION', `${named}: no map is at byte ${offset} of section ${section}`)
      }
      case 'data':
        // One past the end may be pointed to, and is by loops over an array.
        if (offset >= 0 && offset <= place.size) return { kind: 'map_value', map: place.map, offset }
        throw new AnybpfError(
          'ERR_RELOCATION',
          `${named}: byte ${offset} lies outside section ${section} of ${place.size} bytes`,
        )
      case undefined:
        if (this.sectionNames[symbol.section] === '.maps') {
          const hint = 'the object has no BTF that says what maps are in section .maps: compile it with clang -g'
          throw new AnybpfError('ERR_RELOCATION', `${named}: ${hint}`)
        }
        throw new AnybpfError('ERR_RELOCATION', `${named} is in section ${section}, to which no program can refer`)
    }
  }

  /** The function that starts at this byte of this section. */
  functionAt(section: number, offset: number): string | undefined {
    const place = this.places.get(section)
    return place?.kind === 'code' ? place.names.get(offset) : undefined
  }

  private undefinedSymbol(symbol: ElfSymbol, named: string): Target {
    if (symbol.name === '') throw new AnybpfError('ERR_RELOCATION', `${named} is undefined and has no name`)
    const kconfig = this.kconfig.get(symbol.name)
    return kconfig === undefined
      ? { kind: 'extern', extern: symbol.name }
      : { kind: 'map_value', map: kconfig.map, offset: kconfig.offset }
  }

  private named(section: number, kind: 'code' | 'maps'): Map<number, string> {
    const place = this.places.get(section)
    if (place !== undefined && place.kind === kind) return place.names
    const names = new Map<number, string>()
    this.places.set(section, { kind, names })
    return names
  }
}
