/**
 * What a platform is made of, as plain data: helpers, map types, program types, limits.
 *
 * The verifier and the virtual machine know no platform; they are handed one. Numbers (ids) are the platform's own;
 * names are Linux's where Linux has the thing, without prefix and in lower case: `map_lookup_elem`, `percpu_hash`, `xdp`.
 * @module
 */

/**
 * How a helper's argument crosses into host code: its low 32 bits, or all 64 (see `HelperFunction` in vm). A `pointer`
 * crosses as 32 bits too; checked engines refuse one whose upper half is not zero, as they refuse it in a load.
 */
export type ArgWidth = 32 | 64 | 'pointer'

/**
 * What r0 becomes: `i32` a 32-bit result sign-extended (0 or -errno), `u32` zero-extended (an address, a count),
 * `u64` all 64 bits, `void` nothing defined.
 */
export type ReturnWidth = 'i32' | 'u32' | 'u64' | 'void'

export interface HelperSpec {
  readonly id: number
  /** Without `bpf_`: `map_lookup_elem`. */
  readonly name: string
  readonly args: readonly ArgWidth[]
  readonly returns: ReturnWidth
  /** A tail call replaces the running program: engines treat it themselves. */
  readonly tailCall?: boolean
  /** May only be called by programs whose licence is compatible with the GPL. */
  readonly gplOnly?: boolean
  /** The first version of the platform that has it: `5.8`. Absent: every version. */
  readonly since?: string
  /** In C, with this platform's names of types: `long map_delete_elem(void *map, const void *key)`. */
  readonly prototype?: string
  /** One line of what it does. */
  readonly summary?: string
}

export interface MapTypeSpec {
  readonly id: number
  /** `hash`, `percpu_array`, `ringbuf` … */
  readonly name: string
  /** Values are kept once per CPU, each padded to 8 bytes. */
  readonly perCpu?: boolean
  /** Values are maps (array_of_maps, hash_of_maps). */
  readonly mapInMap?: boolean
  /** Programs send records to the host through it: what is declared as its value is what a record looks like. */
  readonly records?: boolean
  /** The first version of the platform that has it. */
  readonly since?: string
  /** One line of what it is. */
  readonly summary?: string
}

/** A field of a context structure. Offsets and sizes in bytes. */
export interface ContextField {
  readonly name: string
  readonly offset: number
  readonly size: number
  /** Elements, for an array of `size`-byte elements. */
  readonly count?: number
  readonly writable?: boolean
  /** The field holds a guest address of this kind of memory. */
  readonly pointer?: 'packet' | 'packet_end' | 'packet_meta' | 'socket' | 'flow_keys'
}

export interface ContextLayout {
  /** The C structure's name: `xdp_md`. */
  readonly name: string
  readonly size: number
  readonly fields: readonly ContextField[]
}

export interface ProgramTypeSpec {
  readonly id: number
  /** `xdp`, `sched_cls`, `socket_filter`, `raw` … */
  readonly name: string
  readonly context: ContextLayout | undefined
  /** Names of return values: `{ 1: 'XDP_DROP' }`. */
  readonly verdicts?: Readonly<Record<number, string>>
  /** The first version of the platform that has it. */
  readonly since?: string
  readonly summary?: string
}

export interface PlatformLimits {
  /** Bytes of stack of one function's frame. */
  readonly stackSize: number
  /** Frames of nested calls, the first included. */
  readonly callDepth: number
  /** Tail calls in one invocation. */
  readonly tailCalls: number
}

export interface Platform {
  /** `linux 6.18`, `raw` … */
  readonly name: string
  readonly helpers: ReadonlyMap<number, HelperSpec>
  readonly mapTypes: ReadonlyMap<number, MapTypeSpec>
  readonly programTypes: ReadonlyMap<string, ProgramTypeSpec>
  readonly limits: PlatformLimits
}
