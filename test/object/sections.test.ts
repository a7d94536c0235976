/** What section names mean, and that no row of the table hides another. */
import { describe, expect, it } from 'vitest'
import { SECTION_TABLE, sectionMeaning } from '../../src/spec/sections.ts'

describe('section names', () => {
  it.each<[string, string, string | undefined, string | undefined]>([
    ['xdp', 'xdp', 'xdp', undefined],
    ['xdp/cpumap', 'xdp', 'xdp_cpumap', undefined],
    ['kprobe/tcp_connect', 'kprobe', undefined, 'tcp_connect'],
    ['kprobe.multi/tcp_*', 'kprobe', 'trace_kprobe_multi', 'tcp_*'],
    ['tracepoint/syscalls/sys_enter_open', 'tracepoint', undefined, 'syscalls/sys_enter_open'],
    ['uprobe//bin/bash:readline', 'kprobe', undefined, '/bin/bash:readline'],
    ['tcx/ingress', 'sched_cls', 'tcx_ingress', undefined],
    ['tc', 'sched_cls', undefined, undefined],
    ['classifier', 'sched_cls', undefined, undefined],
    ['cgroup/connect4', 'cgroup_sock_addr', 'cgroup_inet4_connect', undefined],
    ['cgroup_skb/egress', 'cgroup_skb', 'cgroup_inet_egress', undefined],
    ['sk_reuseport/migrate', 'sk_reuseport', 'sk_reuseport_select_or_migrate', undefined],
    ['lsm/file_open', 'lsm', 'lsm_mac', 'file_open'],
    ['iter/task', 'tracing', 'trace_iter', 'task'],
    ['struct_ops/init', 'struct_ops', undefined, 'init'],
    // As libbpf took them before version 1.0.
    ['xdp_redirect_dummy', 'xdp', 'xdp', undefined],
    ['socket1', 'socket_filter', undefined, undefined],
    ['cgroup/sock1', 'cgroup_sock', 'cgroup_inet_sock_create', undefined],
    ['tc/tail', 'sched_cls', undefined, undefined],
  ])('%s is %s', (name, type, attachType, attachTo) => {
    expect(sectionMeaning(name)).toMatchObject({ type, attachType, attachTo, autoload: true })
  })

  it('may say that a program sleeps, takes fragments, or waits to be asked for', () => {
    expect(sectionMeaning('lsm.s/file_open')).toMatchObject({ sleepable: true })
    expect(sectionMeaning('lsm/file_open')).toMatchObject({ sleepable: false })
    expect(sectionMeaning('xdp.frags')).toMatchObject({ frags: true })
    expect(sectionMeaning('?tp_btf/sched_switch')).toMatchObject({ autoload: false, attachTo: 'sched_switch' })
  })

  it.each(['', '/', '2/1', '.text', 'constructor', '__proto__', '?'])('%j means nothing', (name) => {
    expect(sectionMeaning(name)).toBeUndefined()
  })

  it('every row is reached by its own name', () => {
    for (const row of SECTION_TABLE) {
      const name = row.pattern.replace(/[+*]$/, '')
      const found = sectionMeaning(row.pattern.endsWith('*') ? `${name}_7` : name)
      expect(found, row.pattern).toMatchObject({ type: row.type, attachType: row.attachType })
    }
  })

  it('no pattern is there twice', () => {
    const patterns = SECTION_TABLE.map((row) => row.pattern)
    expect(new Set(patterns).size).toBe(patterns.length)
  })
})
