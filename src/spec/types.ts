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

/**
 * What a verifier asks of an argument. The words are those of kernel developers (`enum bpf_arg_type`):
 * - `anything`: any initialised register; a pointer only where pointers may leak
 * - `const_map_ptr`: the address of a map; `map_key`, `map_value`: memory of the sizes of that map
 * - `mem`: memory whose size the next argument (`const_size`, `const_size_or_zero`) or `size` gives
 * - `const_alloc_size_or_zero`: a constant, the size of the memory that is returned
 * - `ctx`: the program's context, unchanged
 * - `sock_common`, `socket`, `btf_sock_common`: sockets, each kind wider than the one before
 * - `btf`: a pointer to the kernel type `btfType`; `percpu_btf`: to a per-CPU variable
 * - `ringbuf_mem`: a record that was reserved; `dynptr`; `func`: a callback
 * - `const_str`: the address of a constant, terminated string in a read-only map
 * - `spin_lock`, `timer`, `kptr`: such a field of a map value
 */
export type ArgKind =
  | 'anything'
  | 'const_map_ptr'
  | 'map_key'
  | 'map_value'
  | 'mem'
  | 'const_size'
  | 'const_size_or_zero'
  | 'const_alloc_size_or_zero'
  | 'ctx'
  | 'sock_common'
  | 'socket'
  | 'btf_sock_common'
  | 'btf'
  | 'percpu_btf'
  | 'ringbuf_mem'
  | 'dynptr'
  | 'func'
  | 'stack'
  | 'const_str'
  | 'spin_lock'
  | 'timer'
  | 'kptr'

export interface ArgSpec {
  readonly kind: ArgKind
  /** NULL will do. */
  readonly nullable?: true
  /**
   * Memory that the helper writes (and need not be initialised, with `uninit`), reads, or both. Absent: it reads, and
   * yet pointers to memory that may only be read are refused, as Linux does where it does not know better.
   */
  readonly access?: 'read' | 'write' | 'read_write'
  /** The memory, map value or dynptr need not be initialised: the helper does it. */
  readonly uninit?: true
  /** Bytes of `mem` where the helper fixes them. */
  readonly size?: number
  /** Must be aligned to `size`. */
  readonly aligned?: true
  /** The reference that the argument is, is given back. */
  readonly release?: true
  /** Name of the kernel type of `btf`: `task_struct`. */
  readonly btfType?: string
  /** Of `dynptr`: the kind that it must be, or becomes. */
  readonly dynptr?: 'local' | 'ringbuf' | 'skb' | 'xdp'
}

/** What a verifier knows of r0 after a call (`enum bpf_return_type`). */
export interface ReturnSpec {
  readonly kind:
    | 'integer'
    | 'void'
    | 'map_value'
    | 'socket'
    | 'sock_common'
    | 'tcp_sock'
    | 'mem'
    | 'mem_or_btf'
    | 'btf'
    /** Memory of the size that a `const_alloc_size_or_zero` argument gives. */
    | 'alloc_mem'
    | 'dynptr_mem'
  readonly nullable?: true
  /** Name of the kernel type of `btf`. */
  readonly btfType?: string
  /** The pointer is trusted; is into a ring buffer. */
  readonly trusted?: true
  readonly ringbuf?: true
  readonly readOnly?: true
}

/** The whole of what a verifier has to know of a helper. */
export interface HelperSignature {
  readonly args: readonly ArgSpec[]
  readonly returns: ReturnSpec
  /** Packet pointers are void afterwards. */
  readonly changesPacket?: true
  /** r0 is a reference that has to be released. */
  readonly acquires?: true
  /** r0 points into, or is a cast of, the object of the first argument. */
  readonly castsArg?: true
  readonly mightSleep?: true
  /** Reads bytes of the packet through `mem` arguments: packet pointers are accepted there. */
  readonly packetAccess?: true
  /** Shows kernel memory: only for authors who may see it (CAP_PERFMON); others cannot use the helper. */
  readonly perfmon?: true
  /** Programs of any licence may call it, though the helper is `gplOnly` elsewhere. */
  readonly anyLicense?: true
}

export interface HelperSpec {
  readonly id: number
  /** Without `bpf_`: `map_lookup_elem`. */
  readonly name: string
  readonly args: readonly ArgWidth[]
  readonly returns: ReturnWidth
  /**
   * A tail call replaces the running program: engines treat it themselves. So does a verifier: where the call comes
   * back it has failed and has changed nothing; where it does not, the program behind it returns to the caller of this
   * subprogram, with any result and having changed the packet.
   */
  readonly tailCall?: boolean
  /** May only be called by programs whose licence is compatible with the GPL. */
  readonly gplOnly?: boolean
  /** The first version of the platform that has it: `5.8`. Absent: every version. */
  readonly since?: string
  /** Why nothing may call it on this platform: a build option it was made without, a lock. */
  readonly unavailable?: string
  /** In C, with this platform's names of types: `long map_delete_elem(void *map, const void *key)`. */
  readonly prototype?: string
  /** One line of what it does. */
  readonly summary?: string
  /** What a verifier asks of a call. Absent: each argument is `anything`, r0 an integer. */
  readonly signature?: HelperSignature
  /** By name of program type, where a call has to look otherwise there. `signatureFor` chooses. */
  readonly signatureByProgramType?: ReadonlyMap<string, HelperSignature>
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
  /** The field holds a guest address of this kind of memory; `kernel`: of a kernel object. */
  readonly pointer?: 'packet' | 'packet_end' | 'packet_meta' | 'socket' | 'flow_keys' | 'kernel'
  /** Other members of the C structure that begin at the same place. */
  readonly aliases?: readonly string[]
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
  /** What a verifier has to know of it. Absent: the context's fields as they are laid out, any helper, any return value. */
  readonly rules?: ProgramTypeRules
}

/** What a load from a context gives. */
export type ContextValue =
  | 'scalar'
  | 'packet'
  | 'packet_meta'
  | 'packet_end'
  | 'sock_common_or_null'
  | 'socket'
  | 'socket_or_null'
  | 'flow_keys'
  /** A buffer of unknown size (sysctl, iterators): read-only, or not. */
  | 'rdonly_buf'
  | 'rdwr_buf'
  /** The buffer of a writable raw tracepoint: its size is checked when the program is attached. */
  | 'tp_buffer'
  /** A pointer to the kernel type `btfType`. */
  | 'btf'
  | 'btf_or_null'

export interface ContextAccess {
  readonly value: ContextValue
  readonly btfType?: string
  /** A `btf` pointer is trusted. */
  readonly trusted?: true
  /** A scalar that is sign-extended, or narrower than what is loaded. */
  readonly bits?: number
  /** `raw` contexts: memory whose size is known. */
  readonly size?: number
}

/** A range of values for r0, signed 32-bit unless `wide`, inclusive. */
export interface ReturnRule {
  readonly min: number
  readonly max: number
  /** All 64 bits count. */
  readonly wide?: true
}

/**
 * What a program type, attached in some way, may do. Functions of plain data: a type may be given its own.
 * `attachType` is bpftool's name or undefined.
 */
export interface ProgramTypeRules {
  /** Bytes at r1 that are context. */
  readonly contextSize: number
  /** A plain load or store of `size` bytes at `offset` of the context: what it gives, or undefined if it is refused. */
  readonly contextAccess: (
    offset: number,
    size: number,
    write: boolean,
    attachType: string | undefined,
  ) => ContextAccess | undefined
  /** Whether a helper may be called, GPL-compatible. */
  readonly allowsHelper: (helper: HelperSpec, attachType: string | undefined) => boolean
  /** What r0 must be at exit; undefined: anything. */
  readonly returnRange: (attachType: string | undefined, attachTo?: string) => ReturnRule | undefined
  /**
   * Packets may be read by helpers that are given a packet pointer; may be written, through packet pointers or by such
   * helpers. (A load through a packet pointer is never refused for the type's sake: a type that has none gives none.)
   */
  readonly packetRead?: (attachType: string | undefined) => boolean
  readonly packetWrite?: (attachType: string | undefined) => boolean
  /** What the context gives as a packet may be handed to every helper, `packetAccess` or not (socket options). */
  readonly packetToAnyHelper?: true
  /**
   * The context's fields are typed by kernel BTF (tracing, LSM, struct_ops): arguments of the function attached to.
   * `contextAccess` then says no more than that there are 64-bit arguments.
   */
  readonly typedContext?: true
  /** The entry takes the arguments that its own BTF prototype names, as a global function does (ext). */
  readonly prototypedEntry?: true
  /** r1 is no context but plain memory of `contextSize` bytes, to read and write at any offset; r2 is its length. */
  readonly plainMemory?: true
  /** May be loaded by untrusted authors. */
  readonly unprivileged?: true
  /** May be sleepable, if it attaches in one of these ways; in any way. */
  readonly sleepable?: true | readonly string[]
  /** Is only ever loaded as sleepable. */
  readonly alwaysSleepable?: true
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
  /** For whom programs are verified unless asked otherwise. Default: untrusted. */
  readonly author?: 'trusted' | 'untrusted'
  /** Kernel functions by name, for `call kfunc`; see kfuncs. */
  readonly kfuncs?: ReadonlyMap<string, KfuncSpec>
}

/** A kernel function that programs may call by BTF id. Its prototype comes from the kernel's BTF, or from `prototype`. */
export interface KfuncSpec {
  readonly name: string
  /** In C. */
  readonly prototype: string
  readonly flags: readonly (
    | 'acquire'
    | 'release'
    | 'ret_null'
    | 'trusted_args'
    | 'sleepable'
    | 'destructive'
    | 'rcu'
    | 'iter_new'
    | 'iter_next'
    | 'iter_destroy'
    | 'rcu_protected'
    | 'fastcall'
  )[]
  readonly since?: string
  /** Program types that may call it; absent: all. */
  readonly programTypes?: readonly string[]
}
