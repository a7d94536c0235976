/**
 * The rules of program types: Linux's, by name; those that follow from a context's layout; those of plain memory.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { ContextAccess, ContextLayout, ProgramTypeRules, ProgramTypeSpec } from '../types.ts'
import { ContextView, pointerAccess } from './context-access.ts'
import { CONTEXT_USES, type ContextUse, viewOf } from './contexts.ts'
import { allowsHelper } from './helpers.ts'
import { returnRange } from './returns.ts'

type Traits = Omit<ProgramTypeRules, 'contextSize' | 'contextAccess' | 'allowsHelper' | 'returnRange'>

const yes = (): boolean => true
const READS: Traits = { packetRead: yes }
const READS_AND_WRITES: Traits = { packetRead: yes, packetWrite: yes }

/** What Linux grants to some types only. */
const TRAITS: Readonly<Record<string, Traits>> = {
  socket_filter: { unprivileged: true },
  kprobe: { sleepable: true },
  sched_cls: READS_AND_WRITES,
  sched_act: READS_AND_WRITES,
  xdp: READS_AND_WRITES,
  cgroup_skb: { ...READS, unprivileged: true },
  lwt_in: READS,
  lwt_out: READS,
  lwt_xmit: READS_AND_WRITES,
  lwt_seg6local: READS,
  sk_skb: READS_AND_WRITES,
  sk_msg: READS_AND_WRITES,
  sk_reuseport: READS,
  flow_dissector: READS,
  cgroup_sockopt: { ...READS_AND_WRITES, packetToAnyHelper: true },
  tracing: { typedContext: true, sleepable: ['trace_fentry', 'trace_fexit', 'modify_return', 'trace_iter'] },
  struct_ops: { typedContext: true, sleepable: true },
  ext: { prototypedEntry: true },
  lsm: { typedContext: true, sleepable: true },
  syscall: { sleepable: true, alwaysSleepable: true },
}

const SCALAR: ContextAccess = { value: 'scalar' }

/** What a system call's caller hands over is bytes, and at most 64 KiB of them. */
const SYSCALL_CONTEXT_SIZE = 0xffff

function bytesAccess(offset: number, size: number): ContextAccess | undefined {
  return offset >= 0 && offset < SYSCALL_CONTEXT_SIZE && offset % size === 0 ? SCALAR : undefined
}

const nothing = (): undefined => undefined

type Context = Pick<ProgramTypeRules, 'contextSize' | 'contextAccess'>

function contextOf(name: string, contextUse: ContextUse | undefined): Context {
  if (name === 'syscall') return { contextSize: SYSCALL_CONTEXT_SIZE, contextAccess: bytesAccess }
  if (contextUse === undefined) return { contextSize: 0, contextAccess: nothing }
  // Almost all questions in a row are about one program: the last view is at hand.
  let view: ContextView | undefined
  let viewFor: string | undefined
  return {
    contextSize: contextUse.table.layout.size,
    contextAccess: (offset, size, write, attachType) => {
      if (view === undefined || attachType !== viewFor) {
        view = viewOf(contextUse, attachType)
        viewFor = attachType
      }
      return view.access(offset, size, write)
    },
  }
}

/** The rules of a program type of Linux. */
export function linuxRules(name: string): ProgramTypeRules {
  return {
    ...contextOf(name, CONTEXT_USES.get(name)),
    allowsHelper: allowsHelper(name),
    returnRange: returnRange(name),
    ...TRAITS[name],
  }
}

/**
 * The rules that a context's layout implies: scalars may be read whole or in aligned parts, and written whole if they are
 * `writable`; pointers may be read; any helper may be called and anything returned; packets may be read and written where
 * the layout points at one.
 */
export function rulesFromLayout(layout: ContextLayout): ProgramTypeRules {
  let view: ContextView | undefined
  return {
    contextSize: layout.size,
    contextAccess: (offset, size, write) => {
      view ??= new ContextView(
        layout,
        layout.fields.map((field) => ({
          field,
          load: field.pointer === undefined ? 'parts' : 'whole',
          // A stored number would be taken for a pointer when it is loaded again.
          store: field.writable === true && field.pointer === undefined ? 'whole' : undefined,
          gives: pointerAccess(field),
        })),
      )
      return view.access(offset, size, write)
    },
    allowsHelper: yes,
    returnRange: nothing,
    ...(layout.fields.some((field) => field.pointer === 'packet') && READS_AND_WRITES),
  }
}

/** r1 is `size` bytes of memory, all of them a program's to read and write, r2 their number. */
export function plainMemoryRules(size: number): ProgramTypeRules {
  return {
    contextSize: size,
    contextAccess: (offset, bytes) => (offset >= 0 && offset + bytes <= size ? SCALAR : undefined),
    allowsHelper: yes,
    returnRange: nothing,
    plainMemory: true,
  }
}

const NO_CONTEXT: ContextLayout = { name: 'nothing', size: 0, fields: [] }

/** The rules of a program type: its own, or those that its context's layout implies. */
export function rulesOf(type: ProgramTypeSpec): ProgramTypeRules {
  return type.rules ?? rulesFromLayout(type.context ?? NO_CONTEXT)
}
