/**
 * What a program says that it attaches to, as far as it decides whether the program may exist at all.
 * @module
 */
import type { Environment } from '../environment.ts'
import { refuse } from './refuse.ts'

/** Attach types of tracing programs that may sleep. */
const SLEEPABLE_TRACING: ReadonlySet<string> = new Set(['trace_fentry', 'trace_fexit', 'modify_return', 'trace_iter'])

function canSleep(type: string, attachType: string | undefined): boolean {
  switch (type) {
    case 'tracing':
      return attachType !== undefined && SLEEPABLE_TRACING.has(attachType)
    case 'lsm':
    case 'kprobe':
    case 'struct_ops':
      return true
    default:
      return false
  }
}

export function checkAttachment(env: Environment): void {
  const { type, sleepable, attachType } = env.program
  if (type === 'syscall') {
    if (sleepable !== true) refuse('sleepable', 'Syscall programs can only be sleepable')
    return
  }
  if (sleepable === true && !canSleep(type, attachType)) {
    refuse('sleepable', 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable')
  }
  if (type === 'struct_ops' && !env.gplCompatible) {
    refuse('gpl_only', 'struct ops programs must have a GPL compatible license')
  }
}
