/**
 * Program types: how each lays out its context, and what it gives back. The built-in ones are listed here, and one's own
 * join them.
 * @module
 */
import {
  CGROUP_SKB_PROGRAM_TYPE,
  RAW_PROGRAM_TYPE,
  SCHED_ACT_PROGRAM_TYPE,
  SCHED_CLS_PROGRAM_TYPE,
  SOCKET_FILTER_PROGRAM_TYPE,
  XDP_PROGRAM_TYPE,
} from '../spec/program-types.ts'
import type { ProgramTypeSpec } from '../spec/types.ts'
import type { ProgramTypeDefinition, RunnableProgramType } from './definition.ts'
import * as rawMemory from './raw.ts'
import * as skb from './socket-buffer.ts'
import * as xdp from './xdp.ts'

export type { ContextFields, FieldValue } from './context-fields.ts'
export { ContextCodec } from './context-fields.ts'
export type * from './definition.ts'
export type { ByteSource, PacketBytes, PacketInput, PacketOutput, PacketWithContext, Verdict } from './input.ts'
export { packetBytes, verdictOf } from './input.ts'
export type { RawInput, RawOutput } from './raw.ts'
export type { SocketBufferOutput } from './socket-buffer.ts'
export type { XdpInput, XdpInputWithContext, XdpOutput } from './xdp.ts'

/** What runs, with all of its data. */
function define<Input, Output>(
  runnable: RunnableProgramType<Input, Output>,
  spec: ProgramTypeSpec,
): ProgramTypeDefinition<Input, Output> {
  return { ...runnable, spec }
}

export const RAW_PROGRAM = define(rawMemory.RAW_PROGRAM, RAW_PROGRAM_TYPE)
export const XDP_PROGRAM = define(xdp.XDP_PROGRAM, XDP_PROGRAM_TYPE)
export const SCHED_CLS_PROGRAM = define(skb.SCHED_CLS_PROGRAM, SCHED_CLS_PROGRAM_TYPE)
export const SCHED_ACT_PROGRAM = define(skb.SCHED_ACT_PROGRAM, SCHED_ACT_PROGRAM_TYPE)
export const SOCKET_FILTER_PROGRAM = define(skb.SOCKET_FILTER_PROGRAM, SOCKET_FILTER_PROGRAM_TYPE)
export const CGROUP_SKB_PROGRAM = define(skb.CGROUP_SKB_PROGRAM, CGROUP_SKB_PROGRAM_TYPE)

// biome-ignore lint/suspicious/noExplicitAny: each program type has its own input and output.
export const BUILTIN_PROGRAM_TYPES: readonly ProgramTypeDefinition<any, any>[] = [
  RAW_PROGRAM,
  XDP_PROGRAM,
  SCHED_CLS_PROGRAM,
  SCHED_ACT_PROGRAM,
  SOCKET_FILTER_PROGRAM,
  CGROUP_SKB_PROGRAM,
]
