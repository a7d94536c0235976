/**
 * What a program says that it attaches to, as far as it decides whether the program may exist at all.
 * @module
 */
import type { Environment } from '../environment.ts'
import { refuse } from './refuse.ts'

export function checkAttachment(env: Environment): void {
  const { type, sleepable, attachType } = env.program
  const { sleepable: maySleep, alwaysSleepable } = env.rules
  if (alwaysSleepable === true) {
    if (sleepable !== true) refuse('sleepable', 'Syscall programs can only be sleepable')
    return
  }
  const allowed = maySleep === true || (attachType !== undefined && maySleep?.includes(attachType) === true)
  if (sleepable === true && !allowed) {
    refuse('sleepable', 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable')
  }
  if (type === 'struct_ops' && !env.gplCompatible) {
    refuse('gpl_only', 'struct ops programs must have a GPL compatible license')
  }
}
