/**
 * The JavaScript types of a map's keys, values and records, for the type checker alone: what generated skeletons say of
 * the maps of an object. At run time a map goes by its codecs.
 * @module
 */
import type { BpfMap } from './bpf-map.ts'

/** What is known of a map's types; of a map that nobody described, nothing. */
export interface MapShape {
  /** What `keys` gives. */
  readonly key: unknown
  /** What is taken for a key. */
  readonly keyInput: unknown
  /** What `get` gives for a key that is there. */
  readonly value: unknown
  /** What `set` takes. */
  readonly valueInput: unknown
  /** What `read` gives of a ring buffer or perf event array. */
  readonly record: unknown
}

/** A whole number: also as decimal or `0x` text. */
export type IntegerInput = number | bigint | boolean | `${bigint}`

/** An IPv4 address as the value of four bytes, laid down in network order. */
export type Ipv4Input = `${number}.${number}.${number}.${number}`

/**
 * What a codec takes for a type whose values it decodes to `T`. Members of a struct may be left out, and are zero then; of a union give
 * one. What types cannot say is tested when a value is encoded: ranges, lengths of arrays and texts, and that only numbers of four
 * bytes may be addresses.
 */
export type Encodable<T> = unknown extends T ? unknown : [Extract<T, string>] extends [never] ? Plain<T> : Named<T>

/** Of an enum (names, or a number) or a `char` array (text, or bytes). */
type Named<T> = T extends number | bigint ? IntegerInput : T extends Uint8Array ? Uint8Array | readonly number[] : T

type Plain<T> = T extends number
  ? IntegerInput | Ipv4Input
  : T extends bigint
    ? IntegerInput
    : T extends boolean
      ? boolean | 0 | 1 | 0n | 1n
      : T extends Uint8Array
        ? Uint8Array | readonly number[] | string
        : T extends readonly (infer Element)[]
          ? readonly Encodable<Element>[]
          : { readonly [Name in keyof T]?: Encodable<T[Name]> } | Uint8Array

/** `T` with all of its parts read-only: of what is a copy, so that nobody takes a change of it for one of the original. */
export type Immutable<T> = unknown extends T
  ? unknown
  : T extends Uint8Array | string | number | bigint | boolean
    ? T
    : T extends readonly (infer Element)[]
      ? readonly Immutable<Element>[]
      : { readonly [Name in keyof T]: Immutable<T[Name]> }

/** A map with one value for each key, by what keys and values decode to. */
export interface MapOf<Key, Value> extends MapShape {
  readonly key: Key
  readonly keyInput: Encodable<Key> | Uint8Array
  readonly value: Value
  readonly valueInput: Encodable<Value> | Uint8Array
  readonly record: never
}

/** A map with a value for each key and CPU: `get` gives all of them, `set` takes one for each CPU or, unless it is an array itself, one for all. */
export interface PerCpuMapOf<Key, Value> extends MapShape {
  readonly key: Key
  readonly keyInput: Encodable<Key> | Uint8Array
  readonly value: Value[]
  readonly valueInput: Exclude<Encodable<Value>, readonly unknown[]> | readonly Encodable<Value>[] | Uint8Array
  readonly record: never
}

/** A map of maps; an inner map that is alive is a `BpfMap`, else its address. */
export interface MapOfMaps<Key, Inner extends MapShape> extends MapShape {
  readonly key: Key
  readonly keyInput: Encodable<Key> | Uint8Array
  readonly value: BpfMap<Inner> | number
  readonly valueInput: BpfMap<Inner> | number | Uint8Array
  readonly record: never
}

/** An array of programs, by their number in the runtime: `program.executable`. */
export interface ProgramArray<Key = number> extends MapShape {
  readonly key: Key
  readonly keyInput: Encodable<Key> | Uint8Array
  readonly value: number
  readonly valueInput: { readonly index: number } | number | Uint8Array
  readonly record: never
}

/** A ring buffer or perf event array: no keys and values, but records. */
export interface EventsOf<EventRecord> extends MapShape {
  readonly key: never
  readonly keyInput: never
  readonly value: never
  readonly valueInput: never
  readonly record: EventRecord
}
