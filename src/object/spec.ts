/**
 * What a BPF object file says, as plain data that a caller may read and edit before loading it:
 * `spec.maps.flows.maxEntries = 4096`.
 *
 * Nothing here is alive: no memory is reserved, no address decided. Records have a null prototype, so that names
 * from a file are only names. References between parts are symbolic (by name), so an edit cannot leave one dangling
 * without `linkProgram` or the loader saying so.
 * @see https://docs.kernel.org/bpf/libbpf/libbpf_overview.html
 * @module
 */
import type { Btf, BtfTypeId } from '../btf/index.ts'
import type { Instruction } from '../isa/index.ts'
import type { AnybpfError, ByteOrder } from '../util/index.ts'

export interface ObjectSpec {
  byteOrder: ByteOrder
  /** Text of the `license` section; `''` if there is none. */
  license: string
  /** The `version` section (`LINUX_VERSION_CODE`), which old tracing programs have. */
  kernelVersion?: number
  /** Entry points by name: what can be loaded and attached. */
  programs: Record<string, ProgramSpec>
  /** Functions that programs call, by name: subprograms, callbacks. */
  functions: Record<string, FunctionSpec>
  /** Maps by name, global data (`.data`, `.rodata.str`, `.bss`, `.kconfig`) among them. */
  maps: Record<string, MapSpec>
  /** Kernel symbols that the object wants to know the address of, or call (kfuncs). */
  externs: Record<string, ExternSpec>
  btf?: Btf
  /** What is wrong with the file, and does not keep the rest of it from being used. */
  problems: AnybpfError[]
}

/** A function: its instructions, indexed by slot from 0, and what in them still wants a value. */
export interface FunctionSpec {
  /** Unique in its object; the symbol's name unless two functions share it. */
  name: string
  /** Section as in the file: `xdp`, `.text`, `?kprobe.multi/tcp_*`. */
  section: string
  /** Where the function starts in its section, in slots. */
  sectionSlot: number
  linkage: 'static' | 'global' | 'weak'
  /** Not seen from outside of the object (`__hidden`): as loaded, a static function. */
  hidden?: boolean
  /** Slots that its code takes in the file. */
  slotCount: number
  /** Slot-indexed: a wide instruction is followed by a `wide_tail`. */
  insns: Instruction[]
  /** In order of slot; at most one for a slot. */
  references: Reference[]
  /** In order of slot. */
  lines: LineInfo[]
  /** CO-RE relocations, in order of slot. */
  coreRelocations: CoreRelocation[]
  /** The `func` in the object's BTF. */
  btfType?: BtfTypeId
  /** Why it cannot be used: bytes that are no instruction (`insns` is then empty), a reference to nothing. */
  problem?: AnybpfError
  /** Its bytes, where they are not all instructions. */
  code?: Uint8Array
}

export interface ProgramSpec extends FunctionSpec {
  /** Program type by bpftool's name: `xdp`, `sched_cls`, `socket_filter`, …; `unspec` where the section tells nothing. */
  type: string
  /** Attach type by bpftool's name where the section implies one: `cgroup_inet_ingress`, `trace_fentry`, … */
  attachType?: string
  /** What the section names to attach to: `tcp_connect` in `kprobe/tcp_connect`. */
  attachTo?: string
  /** May sleep (`.s` sections). */
  sleepable: boolean
  /** Takes multi-buffer packets (`xdp.frags`). */
  frags: boolean
  /** Loaded unless asked otherwise; false for sections that start with `?`. */
  autoload: boolean
}

/** What an instruction refers to. `slot` is the instruction's, in its function. */
export type Reference = MapReference | MapValueReference | FunctionReference | KsymReference | KfuncReference

/** An `lddw` that loads the address of a map. */
export interface MapReference {
  kind: 'map'
  slot: number
  /** Key in `ObjectSpec.maps`. */
  map: string
}

/** An `lddw` that loads the address of a byte in the (only) value of a map: a global variable. */
export interface MapValueReference {
  kind: 'map_value'
  slot: number
  map: string
  /** Bytes into the value. */
  offset: number
}

/** A call (`via: 'call'`), or an `lddw` that loads the address of a function (`via: 'address'`, a callback). */
export interface FunctionReference {
  kind: 'function'
  slot: number
  via: 'call' | 'address'
  /** Key in `ObjectSpec.functions` or `ObjectSpec.programs`. */
  function: string
}

/** An `lddw` that loads the address of a kernel symbol. */
export interface KsymReference {
  kind: 'ksym'
  slot: number
  /** Key in `ObjectSpec.externs`. */
  extern: string
}

/** A call of a kernel function. */
export interface KfuncReference {
  kind: 'kfunc'
  slot: number
  /** Key in `ObjectSpec.externs`. */
  extern: string
}

export interface ExternSpec {
  name: string
  /** A weak extern may stay unresolved: its address is then 0. */
  weak: boolean
  /** The extern's `var` or `func` in the object's BTF; absent where the file has no BTF for it. */
  btfType?: BtfTypeId
}

/** Where an instruction came from. */
export interface LineInfo {
  slot: number
  file: string
  /** From 1; 0 if unknown. */
  line: number
  /** From 1; 0 if unknown. */
  column: number
  /** The source line itself, as the compiler recorded it. */
  text: string
}

/** A compile-once-run-everywhere record, as the file has it. */
export interface CoreRelocation {
  slot: number
  /** Root type in the object's BTF. */
  type: BtfTypeId
  /** Access string, such as `0:1:2`. */
  access: string
  /** `enum bpf_core_relo_kind`: 0 is the byte offset of a field. */
  kind: number
  /** Position among all such records of the file. They are resolved in this order. */
  index: number
}

/** `map`: declared by the program's author; the others are made from data sections of the file. */
export type MapKind = 'map' | 'data' | 'rodata' | 'bss' | 'kconfig' | 'struct_ops' | 'arena'

export interface MapSpec {
  name: string
  kind: MapKind
  /** Section as in the file. */
  section: string
  /** `enum bpf_map_type` of the platform that the object is for (Linux numbers for Linux objects). */
  type: number
  /** Bytes. */
  keySize: number
  /** Bytes. */
  valueSize: number
  maxEntries: number
  /** `BPF_F_*` creation flags. */
  flags: number
  /** 0: not pinned; 1: `LIBBPF_PIN_BY_NAME`; iproute2's scopes as they are in its legacy records. */
  pinning: number
  numaNode?: number
  /** `map_extra`, for instance the number of hash functions of a bloom filter. */
  mapExtra: bigint
  /** Key and value types in the object's BTF. */
  btfKeyType?: BtfTypeId
  btfValueType?: BtfTypeId
  /** The BTF that those ids are from. */
  btf?: Btf
  /** What the values of an array or hash of maps look like. */
  innerMap?: MapSpec
  /** Static initialiser of a map of maps or programs: which map or program each slot holds. */
  initialSlots?: InitialSlot[]
  /** Bytes of the value of a data section's map. */
  contents?: Uint8Array
  /** Where `contents` would hold addresses. libbpf leaves these bytes as the file has them, and so does `Runtime.load`. */
  pointers?: DataPointer[]
  /** The variables of a data section's map, in order of offset. */
  variables?: VariableSpec[]
  /** Fields of a legacy `maps` record beyond the first five (type, sizes, entries, flags), as they are in the file. */
  legacyFields?: number[]
}

/** `values = { [3] = &name }`. */
export interface InitialSlot {
  index: number
  target: { kind: 'map'; map: string } | { kind: 'program'; program: string }
}

/** Eight bytes at `offset` of a data section that hold an address. */
export interface DataPointer {
  offset: number
  target:
    | { kind: 'map'; map: string }
    | { kind: 'map_value'; map: string; offset: number }
    | { kind: 'function'; function: string }
    | { kind: 'extern'; extern: string }
}

export interface VariableSpec {
  name: string
  /** Bytes from the start of the section. */
  offset: number
  /** Bytes. */
  size: number
  /** Its `var` in the object's BTF. */
  btfType?: BtfTypeId
  linkage: 'static' | 'global' | 'weak'
}
