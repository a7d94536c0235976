/**
 * What packet programs take and give back.
 * @module
 */
import type { RedirectTarget } from '../helpers/redirect.ts'
import type { TcVerdict, XdpVerdict } from '../spec/verdicts.ts'
import { AnybpfError } from '../util/index.ts'
import type { ContextFields, FieldValue } from './context-fields.ts'

/** Anything that holds the bytes of a packet: what `anybpf/net` builds. */
export interface ByteSource {
  readonly bytes: Uint8Array
}

export type PacketBytes = Uint8Array | ByteSource

/** A packet, and what the context says besides: fields by their names in C. */
export interface PacketWithContext {
  readonly packet: PacketBytes
  readonly context?: ContextFields
}

export type PacketInput = PacketBytes | PacketWithContext

/** The names of return values, of those packet programs whose return values have names. */
export type Verdict = XdpVerdict | TcVerdict

export interface PacketOutput {
  /**
   * The name of the return value where the program type has one (`XDP_DROP`), else the number, as a signed 32-bit one: of
   * socket_filter and cgroup_skb programs it is always a number.
   */
  readonly verdict: Verdict | number
  /** The packet as the program left it. */
  readonly packet: Uint8Array
  /** Where it is to be sent; absent if the verdict says nothing of the kind. */
  readonly redirect?: RedirectTarget
  /** xdp: the bytes between `data_meta` and `data`. */
  readonly metadata?: Uint8Array
  /** sched_cls, sched_act, socket_filter, cgroup_skb: the fields of the context as the program left them. */
  readonly context?: Readonly<Record<string, FieldValue>>
}

/** Throws ERR_USAGE for what holds no bytes. */
export function packetBytes(input: PacketBytes): Uint8Array {
  if (input instanceof Uint8Array) return input
  if (input?.bytes instanceof Uint8Array) return input.bytes
  throw new AnybpfError('ERR_USAGE', 'a packet is a Uint8Array, or an object with `bytes`')
}

export function hasContext(input: PacketInput): input is PacketWithContext {
  return typeof input === 'object' && input !== null && 'packet' in input
}

/** The name of a return value, or the value itself as a signed number. */
export function verdictOf(verdicts: Readonly<Record<number, string>> | undefined, r0: number): string | number {
  return verdicts?.[r0 | 0] ?? r0 | 0
}
