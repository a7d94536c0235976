/**
 * The registers of an x86-64 processor as `struct pt_regs`, the context of kprobes; and `struct bpf_perf_event_data`, that of
 * performance events, which begins with them.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_KPROBE/
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_PERF_EVENT/
 * @module
 */
import type { ContextField, ContextLayout } from '../types.ts'

const REGISTERS: readonly ContextField[] = [
  { name: 'r15', offset: 0, size: 8 },
  { name: 'r14', offset: 8, size: 8 },
  { name: 'r13', offset: 16, size: 8 },
  { name: 'r12', offset: 24, size: 8 },
  { name: 'rbp', offset: 32, size: 8 },
  { name: 'rbx', offset: 40, size: 8 },
  { name: 'r11', offset: 48, size: 8 },
  { name: 'r10', offset: 56, size: 8 },
  { name: 'r9', offset: 64, size: 8 },
  { name: 'r8', offset: 72, size: 8 },
  { name: 'rax', offset: 80, size: 8 },
  { name: 'rcx', offset: 88, size: 8 },
  { name: 'rdx', offset: 96, size: 8 },
  { name: 'rsi', offset: 104, size: 8 },
  { name: 'rdi', offset: 112, size: 8 },
  { name: 'orig_rax', offset: 120, size: 8 },
  { name: 'rip', offset: 128, size: 8 },
  { name: 'cs', offset: 136, size: 8 },
  { name: 'eflags', offset: 144, size: 8 },
  { name: 'rsp', offset: 152, size: 8 },
  { name: 'ss', offset: 160, size: 8 },
]

export const PT_REGS: ContextLayout = { name: 'pt_regs', size: 168, fields: REGISTERS }

export const PT_REGS_ACCESS = `
field  load   store  gives  kprobe
*      parts  -      -      r
`

export const BPF_PERF_EVENT_DATA: ContextLayout = {
  name: 'bpf_perf_event_data',
  size: 184,
  fields: [...REGISTERS, { name: 'sample_period', offset: 168, size: 8 }, { name: 'addr', offset: 176, size: 8 }],
}

export const BPF_PERF_EVENT_DATA_ACCESS = `
field          load   store  gives  perf_event
sample_period  parts  -      -      r
addr           parts  -      -      r
*              whole  -      -      r
`
