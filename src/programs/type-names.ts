/**
 * What the types of inputs and outputs are called: for text that names them.
 * @module
 */

/** Of each program type, what its programs take and give. */
export const PROGRAM_TYPE_NAMES: Readonly<Record<string, readonly [input: string, output: string]>> = {
  raw: ['RawInput', 'RawOutput'],
  xdp: ['XdpInput', 'XdpOutput'],
  sched_cls: ['PacketInput', 'SocketBufferOutput'],
  sched_act: ['PacketInput', 'SocketBufferOutput'],
  socket_filter: ['PacketInput', 'SocketBufferOutput'],
  cgroup_skb: ['PacketInput', 'SocketBufferOutput'],
}
