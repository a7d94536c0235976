/** Calls of kernel functions, by the platform's table alone: no kernel BTF is given. Verdicts are those of a 6.18 kernel. */
import { describe, expect, it } from 'vitest'
import { LINUX_ITERATOR_SIZES, LINUX_KFUNCS, linux } from '../../../src/spec/index.ts'
import { kfuncPrototype } from '../../../src/verifier/calls/kfunc-prototype.ts'
import { createEnvironment } from '../../../src/verifier/check-program.ts'
import { ARRAY, btfOf, cases, END, judge, type Row, START, VALUE } from './programs.ts'

function check(rows: readonly Row[], usual = {}): void {
  it.each(cases(rows, usual))('$name', ({ program, verdict, options }) => {
    expect(judge(program, options)).toBe(verdict)
  })
}

describe('the table', () => {
  const env = createEnvironment(
    { name: 'none', type: 'xdp', license: 'GPL', insns: [{ kind: 'exit' }] },
    linux('6.18'),
    {},
  )
  it('has prototypes that can be read: nothing of an unknown type, at most five arguments', () => {
    for (const kfunc of LINUX_KFUNCS.values()) {
      const prototype = kfuncPrototype(env, kfunc)
      expect(prototype, kfunc.name).toBeDefined()
      expect(prototype?.params.length, kfunc.name).toBeLessThanOrEqual(5)
      for (const { name, type } of prototype?.params ?? []) {
        expect(name, kfunc.name).toMatch(/^\w+$/)
        expect(type.kind === 'scalar' || type.kind === 'pointer', `${kfunc.name}: ${name}`).toBe(true)
      }
      expect(prototype?.returns.kind, kfunc.name).not.toBe('other')
    }
  })

  it('has a constructor and a destructor, and the size of the object, for each iterator', () => {
    const iterators = [...LINUX_KFUNCS.values()].filter((kfunc) => kfunc.flags.includes('iter_next'))
    expect(iterators.length).toBeGreaterThan(5)
    for (const { name } of iterators) {
      const struct = name.replace(/_next$/, '')
      expect(LINUX_KFUNCS.get(`${struct}_new`)?.flags).toContain('iter_new')
      expect(LINUX_KFUNCS.get(`${struct}_destroy`)?.flags).toContain('iter_destroy')
      expect(LINUX_ITERATOR_SIZES.get(struct), struct).toBeGreaterThan(0)
    }
  })

  it('gives older kernels less', () => {
    expect(linux('5.10').kfuncs?.size).toBeLessThan(5)
    expect(linux('6.1').kfuncs?.has('bpf_iter_num_new')).toBe(false)
    expect(linux('6.4').kfuncs?.has('bpf_iter_num_new')).toBe(true)
  })
})

describe('permission', () => {
  check([
    ['a function that there is not', `call bpf_no_such${END}`, 'calling kernel function bpf_no_such is not allowed'],
    [
      'a function of other program types',
      `r1 = 1\n call bpf_task_from_pid${END}`,
      'calling kernel function bpf_task_from_pid is not allowed',
    ],
    [
      'a function that may sleep',
      `r1 = r10\n r1 += -8\n r2 = 8\n r3 = 0\n r4 = 0\n call bpf_copy_from_user_str${END}`,
      'program must be sleepable to call sleepable kfunc bpf_copy_from_user_str',
    ],
    [
      'a program that is not under the GPL',
      `call bpf_rcu_read_lock${END}`,
      'cannot call kernel function from non-GPL compatible program',
      { license: 'MIT' },
    ],
  ])
})

const NEW = `
  r1 = r10
  r1 += -8
  r2 = 0
  r3 = 10
  call bpf_iter_num_new`
const DESTROY = `
  r1 = r10
  r1 += -8
  call bpf_iter_num_destroy`
const loop = (body: string): string => `${NEW}
  r9 = 0
again:
  r1 = r10
  r1 += -8
  call bpf_iter_num_next
  if r0 == 0 goto done
  ${body}
  goto again
done:${DESTROY}`

describe('iterators', () => {
  check([
    ['a loop', `${loop('r1 = *(u32 *)(r0 + 0)')}${END}`, 'accept'],
    ['a loop that counts, which comes to an end for the verifier too', `${loop('r9 += 1')}${END}`, 'accept'],
    [
      'an element read as more than it is',
      `${loop('r1 = *(u64 *)(r0 + 0)')}${END}`,
      'invalid access to memory, mem_size=4 off=0 size=8; R0 min value is outside of the allowed memory range',
    ],
    ['an element written', `${loop('*(u32 *)(r0 + 0) = 1')}${END}`, 'R0 cannot write into rdonly_mem'],
    ['an element after the loop', `${loop('r9 = r0')}\n r1 = *(u32 *)(r9 + 0)${END}`, "R9 invalid mem access 'scalar'"],
    [
      'not ended',
      `${NEW}${END}`,
      'Unreleased reference id=1 alloc_insn=4; BPF_EXIT instruction in main prog would lead to reference leak',
    ],
    ['made twice', `${NEW}${NEW}${END}`, 'expected uninitialized iter_num as arg #0'],
    ['ended twice', `${NEW}${DESTROY}${DESTROY}${END}`, 'expected an initialized iter_num as arg #0'],
    ['written over', `${NEW}\n *(u64 *)(r10 - 8) = 0${DESTROY}${END}`, 'expected an initialized iter_num as arg #0'],
    [
      'at an odd place',
      `r1 = r10\n r1 += -4\n r2 = 0\n r3 = 1\n call bpf_iter_num_new${END}`,
      'cannot pass in iter at an offset=-4; expected uninitialized iter_num as arg #0',
    ],
    [
      'not on the stack',
      `r2 = 0\n r3 = 1\n call bpf_iter_num_new${END}`,
      'arg#0 expected pointer to an iterator on stack',
    ],
    [
      'bounds that are no numbers',
      `r1 = r10\n r1 += -8\n r2 = r10\n r3 = 1\n call bpf_iter_num_new${END}`,
      'R2 is not a scalar',
    ],
  ])
})

describe('critical sections', () => {
  check([
    ['RCU', `call bpf_rcu_read_lock\n call bpf_rcu_read_unlock${END}`, 'accept'],
    [
      'RCU, not left',
      `call bpf_rcu_read_lock${END}`,
      'BPF_EXIT instruction in main prog cannot be used inside bpf_rcu_read_lock-ed region',
    ],
    [
      'RCU, entered twice',
      `call bpf_rcu_read_lock\n call bpf_rcu_read_lock${END}`,
      'nested rcu read lock (kernel function bpf_rcu_read_lock)',
    ],
    [
      'RCU, left only',
      `call bpf_rcu_read_unlock${END}`,
      'unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)',
    ],
    [
      'preemption',
      `call bpf_preempt_disable\n call bpf_preempt_disable\n call bpf_preempt_enable\n call bpf_preempt_enable${END}`,
      'accept',
    ],
    [
      'preemption, not left',
      `call bpf_preempt_disable${END}`,
      'BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region',
    ],
    [
      'preemption, left only',
      `call bpf_preempt_enable${END}`,
      'unmatched attempt to enable preemption (kernel function bpf_preempt_enable)',
    ],
    [
      'interrupts',
      `r1 = r10\n r1 += -8\n call bpf_local_irq_save\n r1 = r10\n r1 += -8\n call bpf_local_irq_restore${END}`,
      'accept',
    ],
    [
      'interrupts, not left',
      `r1 = r10\n r1 += -8\n call bpf_local_irq_save${END}`,
      'BPF_EXIT instruction in main prog cannot be used inside bpf_local_irq_save-ed region',
    ],
    [
      'interrupts, left in the wrong order',
      `r1 = r10\n r1 += -8\n call bpf_local_irq_save\n r1 = r10\n r1 += -16\n call bpf_local_irq_save\n r1 = r10\n r1 += -8\n call bpf_local_irq_restore${END}`,
      'cannot restore irq state out of order, expected id=2 acquired at insn_idx=5',
    ],
    [
      'interrupts, from nothing',
      `r1 = r10\n r1 += -8\n call bpf_local_irq_restore${END}`,
      'expected an initialized irq flag as arg#0',
    ],
    [
      'sleep under RCU',
      `call bpf_rcu_read_lock\n r1 = r10\n r1 += -8\n r2 = 8\n r3 = 0\n r4 = 0\n call bpf_copy_from_user_str${END}`,
      'kernel func bpf_copy_from_user_str is sleepable within rcu_read_lock region',
      { type: 'syscall', sleepable: true },
    ],
  ])
})

describe('objects of the kernel', () => {
  const TASK = `
  r1 = 1
  call bpf_task_from_pid
  if r0 == 0 goto none`
  check(
    [
      ['given back', `${TASK}\n r1 = r0\n call bpf_task_release\nnone:${END}`, 'accept'],
      [
        'kept',
        `${TASK}\nnone:${END}`,
        'Unreleased reference id=2 alloc_insn=1; BPF_EXIT instruction in main prog would lead to reference leak',
      ],
      [
        'given back without a test',
        `r1 = 1\n call bpf_task_from_pid\n r1 = r0\n call bpf_task_release${END}`,
        'Possibly NULL pointer passed to trusted arg0',
      ],
      [
        'given back twice',
        `${TASK}\n r6 = r0\n r1 = r6\n call bpf_task_release\n r1 = r6\n call bpf_task_release\nnone:${END}`,
        'arg#0 pointer type STRUCT task_struct must point to scalar, or struct with scalar',
      ],
      [
        'given to the wrong function',
        `${TASK}\n r1 = r0\n call bpf_cgroup_release\nnone:${END}`,
        'kernel function bpf_cgroup_release args#0 expected pointer to STRUCT cgroup but R1 has a pointer to STRUCT task_struct',
      ],
    ],
    { type: 'sched_cls' },
  )
})

describe('packets through dynptrs', () => {
  const PACKET = `${START}
  r1 = r6
  r2 = 0
  r3 = r10
  r3 += -24
  call bpf_dynptr_from_skb`
  const slice = (name: string): string => `
  r1 = r10
  r1 += -24
  r2 = 0
  r3 = r10
  r3 += -8
  r4 = 8
  call ${name}
  if r0 == 0 goto none`
  check(
    [
      ['read', `${PACKET}${slice('bpf_dynptr_slice')}\n r1 = *(u64 *)(r0 + 0)\nnone:${END}`, 'accept'],
      ['written', `${PACKET}${slice('bpf_dynptr_slice_rdwr')}\n *(u64 *)(r0 + 0) = 0\nnone:${END}`, 'accept'],
      [
        'a slice to read, written',
        `${PACKET}${slice('bpf_dynptr_slice')}\n *(u64 *)(r0 + 0) = 0\nnone:${END}`,
        'R0 cannot write into rdonly_mem',
      ],
      [
        'a slice after the packet moved',
        `${PACKET}${slice('bpf_dynptr_slice')}\n r7 = r0\n r1 = r6\n r2 = 0\n call skb_pull_data\n r1 = *(u64 *)(r7 + 0)\nnone:${END}`,
        "R7 invalid mem access 'scalar'",
      ],
      [
        'written where packets are only read',
        `${PACKET}${slice('bpf_dynptr_slice_rdwr')}\nnone:${END}`,
        'the prog does not allow writes to packet data',
        { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' },
      ],
      [
        'a size that is not known',
        `${PACKET}\n call get_prandom_u32\n r4 = r0\n r4 &= 7\n r1 = r10\n r1 += -24\n r2 = 0\n r3 = 0\n call bpf_dynptr_slice${END}`,
        'R4 must be a known constant',
      ],
    ],
    { type: 'sched_cls' },
  )
})

describe('exceptions', () => {
  check([
    ['thrown', `r1 = 1\n call bpf_throw${END}`, 'accept', { type: 'xdp' }],
    [
      'thrown with something held',
      `r1 = 1\n call bpf_task_from_pid\n if r0 == 0 goto +2\n r1 = 0\n call bpf_throw${END}`,
      'Unreleased reference id=2 alloc_insn=1; bpf_throw would lead to reference leak',
      { type: 'xdp' },
    ],
  ])
})

describe('objects of the program', () => {
  // 1 u32, 2 struct bpf_spin_lock, 3 list head, 4 list node, 5 node, 6 value, 7 what the list holds.
  const btf = btfOf(
    { kind: 'int', name: 'u64', size: 8, bits: 64, offset: 0, signed: false, char: false, bool: false },
    { kind: 'struct', name: 'bpf_spin_lock', size: 4, kindFlag: false, members: [] },
    { kind: 'struct', name: 'bpf_list_head', size: 16, kindFlag: false, members: [] },
    { kind: 'struct', name: 'bpf_list_node', size: 24, kindFlag: false, members: [] },
    {
      kind: 'struct',
      name: 'node',
      size: 32,
      kindFlag: false,
      members: [
        { name: 'key', type: 1, bitOffset: 0, bitSize: 0 },
        { name: 'link', type: 4, bitOffset: 64, bitSize: 0 },
      ],
    },
    {
      kind: 'struct',
      name: 'value',
      size: 24,
      kindFlag: false,
      members: [
        { name: 'lock', type: 2, bitOffset: 0, bitSize: 0 },
        { name: 'head', type: 3, bitOffset: 64, bitSize: 0 },
      ],
    },
    { kind: 'decl_tag', name: 'contains:node:link', type: 6, componentIndex: 1, attribute: false },
  )
  const maps = [{ ...ARRAY, valueSize: 24, maxEntries: 1, btf, btfKeyType: 1, btfValueType: 6 }]
  const OBJECT = `
  r1 = 5
  r2 = 0
  call bpf_obj_new_impl
  if r0 == 0 goto none
  r8 = r0`
  const push = (locked: boolean): string => `${VALUE}${OBJECT}
  r1 = r7
  ${locked ? 'call spin_lock' : 'r1 = r7'}
  r1 = r7
  r1 += 8
  r2 = r8
  r2 += 8
  r3 = 0
  r4 = 0
  call bpf_list_push_front_impl`
  check(
    [
      [
        'made and dropped',
        `${OBJECT}\n *(u64 *)(r0 + 0) = 1\n r1 = r8\n r2 = 0\n call bpf_obj_drop_impl\nnone:${END}`,
        'accept',
      ],
      [
        'kept',
        `${OBJECT}\nnone:${END}`,
        'Unreleased reference id=2 alloc_insn=2; BPF_EXIT instruction in main prog would lead to reference leak',
      ],
      [
        'a special field, written',
        `${OBJECT}\n *(u64 *)(r0 + 8) = 1\nnone:${END}`,
        'direct access to bpf_list_node is disallowed',
      ],
      ['put into a list', `${push(true)}\n r1 = r7\n call spin_unlock\nnone:${END}`, 'accept'],
      [
        'put into a list, and looked at while that is locked',
        `${push(true)}\n r9 = *(u64 *)(r8 + 0)\n r1 = r7\n call spin_unlock\nnone:${END}`,
        'accept',
      ],
      [
        'put into a list, and looked at later',
        `${push(true)}\n r1 = r7\n call spin_unlock\n r9 = *(u64 *)(r8 + 0)\nnone:${END}`,
        "R8 invalid mem access 'scalar'",
      ],
      [
        'put into a list without its lock',
        `${push(false)}\nnone:${END}`,
        'bpf_spin_lock at off=0 must be held for bpf_list_head',
      ],
    ],
    { type: 'sched_cls', btf, maps },
  )
})
