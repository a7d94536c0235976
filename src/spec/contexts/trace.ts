/**
 * Contexts that have no structure in the C headers: the record of a tracepoint, the arguments of a raw tracepoint or a traced
 * function, an infrared sample.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_TRACEPOINT/
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_RAW_TRACEPOINT/
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_LIRC_MODE2/
 * @module
 */
import type { ContextLayout } from '../types.ts'

/** A record: after a header that programs do not see, whatever the tracepoint's format says, up to two pages. */
export const TRACEPOINT_RECORD: ContextLayout = {
  name: 'tracepoint record',
  size: 8192,
  fields: [{ name: 'data', offset: 8, size: 1, count: 8184 }],
}

export const TRACEPOINT_RECORD_ACCESS = `
field  load  store  gives  tracepoint
data   span  -      -      r
`

/** Up to twelve arguments. */
export const RAW_TRACEPOINT_ARGS: ContextLayout = {
  name: 'bpf_raw_tracepoint_args',
  size: 96,
  fields: [{ name: 'args', offset: 0, size: 8, count: 12 }],
}

export const RAW_TRACEPOINT_ARGS_ACCESS = `
field  load   store  gives  raw_tracepoint
args   parts  -      -      r
`

/** The same, but the first argument is a buffer that the program may write. */
export const RAW_TRACEPOINT_WRITABLE_ARGS: ContextLayout = {
  name: 'bpf_raw_tracepoint_args',
  size: 96,
  fields: [
    { name: 'buffer', offset: 0, size: 8, pointer: 'kernel' },
    { name: 'args', offset: 8, size: 8, count: 11 },
  ],
}

export const RAW_TRACEPOINT_WRITABLE_ARGS_ACCESS = `
field   load   store  gives      raw_tracepoint_writable
buffer  tail   -      tp_buffer  r
args    parts  -      -          r
`

/** A pulse or a space: its kind, and its length in microseconds. */
export const LIRC_SAMPLE: ContextLayout = {
  name: 'lirc sample',
  size: 4,
  fields: [{ name: 'sample', offset: 0, size: 4 }],
}

export const LIRC_SAMPLE_ACCESS = `
field   load   store  gives  lirc_mode2
sample  whole  -      -      r
`
