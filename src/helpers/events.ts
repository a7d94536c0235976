/**
 * Helpers that send records to the host: ring buffers and perf event arrays.
 * @see https://docs.ebpf.io/linux/map-type/BPF_MAP_TYPE_RINGBUF/
 * @see https://docs.ebpf.io/linux/helper-function/bpf_perf_event_output/
 * @module
 */
import { EAGAIN, EFAULT, EINVAL } from '../spec/errno.ts'
import { RECORD_HEADER_BYTES, RECORD_OWNER } from '../vm/guest-layout.ts'
import { PAGE_SIZE } from '../vm/linear-memory.ts'
import type { Cpu } from '../vm/machine.ts'
import { isPerfEventArray, isRingBuffer, type PerfEventStore, type RingBufferStore } from '../vm/stores.ts'
import { helperFault, linuxHelper, type NamedHelper } from './definition.ts'
import { mapArgument, readable } from './memory.ts'
import { SocketBuffer } from './socket-buffer.ts'
import { XdpBuffer } from './xdp-buffer.ts'

/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP. */
const WAKEUP_FLAGS = 3
/** A record's length has 30 bits. */
const RECORD_MAX = 0x3fff_ffff

/**
 * Flags of `perf_event_output`:
 * ```
 *  63      52 51                    32 31                     0
 * +----------+------------------------+------------------------+
 * | 0        | bytes of the packet    | index, or all ones for |
 * |          | to append              | the current CPU        |
 * +----------+------------------------+------------------------+
 * ```
 */
const PACKET_BYTES = 0xf_ffff
const CURRENT_CPU = 0xffff_ffff

function ringBuffer(cpu: Cpu, helper: string, argument: number): RingBufferStore {
  const map = mapArgument(cpu, helper, argument)
  if (isRingBuffer(map)) return map
  throw helperFault(helper, `map ${map.name} is no ring buffer`)
}

/** The ring buffer to which a record belongs: its header says so. */
function ownerOf(cpu: Cpu, helper: string, record: number): RingBufferStore {
  const { memory } = cpu
  const header = (record >>> 0) - RECORD_HEADER_BYTES
  // A record may be empty, and may then end where the memory does. The ring buffer tests whether one starts there.
  if (header >= PAGE_SIZE && header + RECORD_HEADER_BYTES <= memory.u8.length) {
    const map = cpu.machine.maps.get(memory.view.getUint32(header + RECORD_OWNER, true))
    if (map !== undefined && isRingBuffer(map)) return map
  }
  throw helperFault(helper, `0x${(record >>> 0).toString(16)} is no record of a ring buffer`)
}

function perfEventArray(cpu: Cpu, helper: string, argument: number): PerfEventStore {
  const map = mapArgument(cpu, helper, argument)
  if (isPerfEventArray(map)) return map
  throw helperFault(helper, `map ${map.name} is no array of perf events`)
}

export const EVENT_HELPERS: readonly NamedHelper[] = [
  linuxHelper('ringbuf_output', (cpu, r1, r2, size, flags) => {
    const ring = ringBuffer(cpu, 'ringbuf_output', r1)
    if ((flags & ~WAKEUP_FLAGS) !== 0 || cpu.argHigh(4) !== 0) return -EINVAL
    if (cpu.argHigh(3) !== 0 || size >>> 0 > RECORD_MAX) return -EAGAIN
    return ring.output(readable(cpu, 'ringbuf_output', r2, size >>> 0), size >>> 0, flags)
  }),

  linuxHelper('ringbuf_reserve', (cpu, r1, size, flags) => {
    const ring = ringBuffer(cpu, 'ringbuf_reserve', r1)
    if (flags !== 0 || cpu.argHigh(3) !== 0 || cpu.argHigh(2) !== 0 || size >>> 0 > RECORD_MAX) return 0
    return ring.reserve(size >>> 0)
  }),

  linuxHelper('ringbuf_submit', (cpu, record, flags) => {
    ownerOf(cpu, 'ringbuf_submit', record).submit(record >>> 0, flags)
    return 0
  }),

  linuxHelper('ringbuf_discard', (cpu, record, flags) => {
    ownerOf(cpu, 'ringbuf_discard', record).discard(record >>> 0, flags)
    return 0
  }),

  linuxHelper('ringbuf_query', (cpu, r1, what) => {
    const ring = ringBuffer(cpu, 'ringbuf_query', r1)
    const figure = cpu.argHigh(2) === 0 ? ring.query(what >>> 0) : 0
    cpu.setResult((figure % 0x1_0000_0000) | 0, Math.floor(figure / 0x1_0000_0000) | 0)
    return 0
  }),

  linuxHelper('perf_event_output', (cpu, _context, r2, flags, r4, r5) => {
    const events = perfEventArray(cpu, 'perf_event_output', r2)
    const size = r5 >>> 0
    const data = readable(cpu, 'perf_event_output', r4, size)
    const packetBytes = cpu.argHigh(3)
    const { context } = cpu
    let packet = 0
    if (context instanceof SocketBuffer || context instanceof XdpBuffer) {
      if ((packetBytes & ~PACKET_BYTES) !== 0) return -EINVAL
      packet = context.at(0, packetBytes)
      if (packet === 0) return -EFAULT
    } else if (packetBytes !== 0) return -EINVAL
    const index = flags >>> 0
    return events.outputEvent(index === CURRENT_CPU ? cpu.id : index, cpu.id, data, size, packet, packetBytes)
  }),
]
