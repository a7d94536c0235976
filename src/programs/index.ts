/**
 * Program types: how each lays out its context, and what it gives back. The built-in ones are listed here, and one's own
 * join them.
 * @module
 */
import type { ProgramTypeDefinition } from './definition.ts'
import { RAW_PROGRAM } from './raw.ts'
import { CGROUP_SKB_PROGRAM, SCHED_ACT_PROGRAM, SCHED_CLS_PROGRAM, SOCKET_FILTER_PROGRAM } from './socket-buffer.ts'
import { XDP_PROGRAM } from './xdp.ts'

export type { ContextFields, FieldValue } from './context-fields.ts'
export { ContextCodec } from './context-fields.ts'
export type * from './definition.ts'
export type { ByteSource, PacketBytes, PacketInput, PacketOutput, PacketWithContext, Verdict } from './input.ts'
export { packetBytes, verdictOf } from './input.ts'
export { RAW_PROGRAM, type RawInput, type RawOutput } from './raw.ts'
export {
  CGROUP_SKB_PROGRAM,
  SCHED_ACT_PROGRAM,
  SCHED_CLS_PROGRAM,
  SOCKET_FILTER_PROGRAM,
  type SocketBufferOutput,
} from './socket-buffer.ts'
export { XDP_PROGRAM, type XdpInput, type XdpInputWithContext, type XdpOutput } from './xdp.ts'

// biome-ignore lint/suspicious/noExplicitAny: each program type has its own input and output.
export const BUILTIN_PROGRAM_TYPES: readonly ProgramTypeDefinition<any, any>[] = [
  RAW_PROGRAM,
  XDP_PROGRAM,
  SCHED_CLS_PROGRAM,
  SCHED_ACT_PROGRAM,
  SOCKET_FILTER_PROGRAM,
  CGROUP_SKB_PROGRAM,
]
