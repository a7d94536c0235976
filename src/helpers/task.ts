/**
 * Helpers that tell who runs, and where.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_get_current_pid_tgid/
 * @module
 */
import { EINVAL } from '../spec/errno.ts'
import { encodeUtf8 } from '../util/index.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'
import { writableBytes } from './memory.ts'

/** TASK_COMM_LEN less the terminator. */
const COMM_MAX = 15

export const TASK_HELPERS: readonly NamedHelper[] = [
  linuxHelper('get_smp_processor_id', (cpu) => cpu.id, 'processor'),

  linuxHelper('get_numa_node_id', () => 0),

  linuxHelper('get_current_pid_tgid', (cpu) => {
    const { pid, tgid } = cpu.environment.task
    cpu.setResult(pid, tgid)
    return 0
  }),

  linuxHelper('get_current_uid_gid', (cpu) => {
    const { uid, gid } = cpu.environment.task
    cpu.setResult(uid, gid)
    return 0
  }),

  linuxHelper('get_current_comm', (cpu, r1, r2) => {
    const size = r2 >>> 0
    const buffer = writableBytes(cpu, 'get_current_comm', r1, size)
    if (size === 0) return -EINVAL
    const name = encodeUtf8(cpu.environment.task.comm).subarray(0, Math.min(COMM_MAX, size - 1))
    buffer.fill(0)
    buffer.set(name)
    return 0
  }),
]
