/** Who may call which helper, and what may be returned: rows of every kind, and all that a running kernel was asked. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MEASURED_KERNEL } from '../../scripts/score/measured-kernel.ts'
import { linuxAttachType } from '../../src/spec/attach-types.ts'
import {
  extendPlatform,
  findLinuxHelper,
  LINUX_HELPERS,
  LINUX_PROGRAM_TYPES,
  linux,
  SECTION_TABLE,
} from '../../src/spec/index.ts'
import { allowsHelper } from '../../src/spec/rules/helpers.ts'
import { isVoidHook, returnRange } from '../../src/spec/rules/returns.ts'

const FACTS = join(process.env['ANYBPF_CORPUS'] ?? '../shared/corpus', 'kernel-facts.json')

interface Row {
  readonly type: number
  readonly attach: number
  readonly helpers: readonly number[]
  readonly returns: readonly number[]
  readonly refused_returns: readonly number[]
}

const allows = (type: string, name: string, attachType?: string): boolean =>
  allowsHelper(type)(findLinuxHelper(name)!, attachType)

describe('permissions', () => {
  it('name only helpers that exist, and let every helper be called from somewhere', () => {
    const attachTypes = [undefined, ...new Set(SECTION_TABLE.map((row) => row.attachType))]
    for (const helper of LINUX_HELPERS.values()) {
      const from = LINUX_PROGRAM_TYPES.filter(
        ({ name }) => name !== 'ext' && attachTypes.some((attachType) => allowsHelper(name)(helper, attachType)),
      )
      expect(from, helper.name).not.toEqual([])
    }
  })

  it.each([
    ['xdp', 'redirect_map', undefined, true],
    ['sched_cls', 'redirect_map', undefined, false],
    ['xdp', 'skb_load_bytes', undefined, false],
    ['kprobe', 'override_return', undefined, true],
    ['tracepoint', 'override_return', undefined, false],
    ['lirc_mode2', 'rc_keydown', 'lirc_mode2', true],
    ['lirc_mode2', 'loop', 'lirc_mode2', false],
    ['netfilter', 'perf_event_output', 'netfilter', false],
    // Where it attaches decides.
    ['cgroup_sock_addr', 'bind', 'cgroup_inet4_connect', true],
    ['cgroup_sock_addr', 'bind', 'cgroup_inet4_bind', false],
    ['cgroup_sock_addr', 'get_retval', 'cgroup_udp4_recvmsg', false],
    ['cgroup_sockopt', 'setsockopt', 'cgroup_setsockopt', true],
    ['cgroup_sockopt', 'setsockopt', 'cgroup_getsockopt', false],
    ['tracing', 'seq_write', 'trace_iter', true],
    ['tracing', 'seq_write', 'trace_fentry', false],
    ['tracing', 'get_func_arg', 'trace_fexit', true],
    ['tracing', 'get_func_arg', 'trace_raw_tp', false],
    ['lsm', 'set_retval', 'lsm_cgroup', true],
    ['lsm', 'set_retval', 'lsm_mac', false],
    ['struct_ops', 'tcp_send_ack', undefined, true],
    ['syscall', 'sys_bpf', undefined, true],
    // It may do what the program may that it changes.
    ['ext', 'redirect_map', undefined, true],
  ])('%s: %s at %s: %s', (type, helper, attachType, expected) => {
    expect(allows(type, helper, attachType)).toBe(expected)
  })

  it('withhold what a platform has not', () => {
    expect(
      MEASURED_KERNEL.programTypes.get('kprobe')!.rules!.allowsHelper(MEASURED_KERNEL.helpers.get(58)!, undefined),
    ).toBe(false)
    const without = extendPlatform(linux(), {
      helpers: [{ ...findLinuxHelper('loop')!, unavailable: 'for a test' }],
    })
    expect(without.programTypes.get('xdp')!.rules!.allowsHelper(without.helpers.get(181)!, 'xdp')).toBe(false)
    expect(without.helpers.get(181)!.signature!.args).toHaveLength(4)
  })
})

describe('results', () => {
  it.each([
    ['xdp', 'xdp', undefined],
    ['kprobe', undefined, undefined],
    ['kprobe', 'trace_kprobe_session', { min: 0, max: 1, wide: true }],
    ['cgroup_skb', 'cgroup_inet_ingress', { min: 0, max: 1, wide: true }],
    ['cgroup_skb', 'cgroup_inet_egress', { min: 0, max: 3, wide: true }],
    ['cgroup_sock_addr', 'cgroup_inet6_bind', { min: 0, max: 3, wide: true }],
    ['cgroup_sock_addr', 'cgroup_unix_getsockname', { min: 1, max: 1, wide: true }],
    ['tracing', 'trace_fentry', { min: 0, max: 0, wide: true }],
    ['tracing', 'modify_return', undefined],
  ])('of %s at %s: %j', (type, attachType, expected) => {
    expect(returnRange(type)(attachType)).toEqual(expected)
  })

  it('of security hooks depend on the hook', () => {
    const range = returnRange('lsm')
    expect(range('lsm_mac', 'file_open')).toEqual({ min: -4095, max: 0 })
    expect(range('lsm_mac', 'bpf_lsm_audit_rule_known')).toEqual({ min: 0, max: 1 })
    expect(range('lsm_mac', 'task_free')).toBeUndefined()
    expect(range('lsm_cgroup', 'socket_bind')).toEqual({ min: 0, max: 1, wide: true })
    expect(range('lsm_cgroup', 'sk_free_security')).toEqual({ min: 1, max: 1, wide: true })
    expect(isVoidHook('file_open')).toBe(false)
  })
})

describe('a running kernel (skipped without the corpus)', () => {
  const rows = existsSync(FACTS)
    ? Object.entries((JSON.parse(readFileSync(FACTS, 'utf8')) as { types: Record<string, Row> }).types)
    : []

  it.skipIf(rows.length === 0)('allows the same helpers and results', () => {
    for (const [name, row] of rows) {
      const type = LINUX_PROGRAM_TYPES.find(({ id }) => id === row.type)!
      const attachType = linuxAttachType(type.name, row.attach)
      const mine = [...MEASURED_KERNEL.helpers.values()].filter((one) => type.rules!.allowsHelper(one, attachType))
      expect(
        mine.map(({ id }) => id),
        name,
      ).toEqual(row.helpers)
      const range = type.rules!.returnRange(attachType)
      const fits = (value: number): boolean => range === undefined || (value >= range.min && value <= range.max)
      expect(row.returns.every(fits), name).toBe(true)
      expect(row.refused_returns.some(fits), name).toBe(false)
    }
  })
})
