/** Signatures are whole, agree with the prototypes, and are read only when asked for. */
import { describe, expect, it } from 'vitest'
import { findLinuxHelper, LINUX_HELPERS, linux, parseSignatureTable, signatureFor } from '../../src/spec/index.ts'

const signature = (name: string, programType = 'xdp') => signatureFor(findLinuxHelper(name)!, programType)!

/** Helpers that leave registers unchecked which their prototypes name, and how many. */
const IGNORED: Readonly<Record<string, number>> = { trace_printk: 3, get_branch_snapshot: 1, get_cgroup_classid: 1 }

describe('the signatures of the helpers of Linux', () => {
  it('are there for every helper, also through a platform', () => {
    for (const helper of linux().helpers.values()) expect(helper.signature, helper.name).toBeDefined()
  })

  it('have the arguments of the prototypes', () => {
    for (const helper of LINUX_HELPERS.values()) {
      const { args, returns } = helper.signature!
      const ignored = IGNORED[helper.name]
      if (ignored !== undefined) {
        expect(args).toHaveLength(helper.args.length - ignored)
        continue
      }
      expect(args, helper.name).toHaveLength(helper.args.length)
      args.forEach(({ kind }, i) => {
        const width = helper.args[i]
        if (kind.startsWith('const_size') || kind === 'const_alloc_size_or_zero') {
          expect(width, `${helper.name} ${i}`).not.toBe('pointer')
        } else if (kind !== 'anything' && kind !== 'func') expect(width, `${helper.name} ${i}`).toBe('pointer')
      })
      const gives = helper.returns === 'u32' && helper.prototype!.includes(`*${helper.name}`)
      expect(returns.kind !== 'integer' && returns.kind !== 'void', helper.name).toBe(
        gives || helper.name === 'task_pt_regs',
      )
    }
  })

  it('give each size the memory before it, and each memory a size', () => {
    for (const helper of LINUX_HELPERS.values()) {
      for (const { args } of [helper.signature!, ...(helper.signatureByProgramType?.values() ?? [])]) {
        args.forEach((arg, i) => {
          const sized = args[i + 1]?.kind.startsWith('const_size') ?? false
          expect(arg.kind === 'mem' && arg.size === undefined, `${helper.name} ${i}`).toBe(sized)
        })
      }
    }
  })

  it('name types where there are some', () => {
    for (const { name, signature } of LINUX_HELPERS.values()) {
      for (const arg of signature!.args) {
        // What kptr_xchg takes depends on the field.
        expect(arg.btfType !== undefined, name).toBe(arg.kind === 'btf' && name !== 'kptr_xchg')
      }
    }
  })

  it('say what a call does', () => {
    expect(signature('map_lookup_elem')).toEqual({
      args: [{ kind: 'const_map_ptr' }, { kind: 'map_key' }],
      returns: { kind: 'map_value', nullable: true },
      packetAccess: true,
    })
    expect(signature('strtol').args[3]).toEqual({ kind: 'mem', size: 8, access: 'write', uninit: true, aligned: true })
    expect(signature('ringbuf_reserve')).toMatchObject({
      returns: { kind: 'alloc_mem', ringbuf: true },
      acquires: true,
    })
    expect(signature('xdp_adjust_head').changesPacket).toBe(true)
    expect(signature('copy_from_user').mightSleep).toBe(true)
  })

  it('differ by program type where Linux has several functions of one number', () => {
    expect(signature('sk_assign', 'sched_cls').args[1]!.kind).toBe('btf_sock_common')
    expect(signature('sk_assign', 'sk_lookup').args[1]).toEqual({ kind: 'socket', nullable: true })
  })
})

describe('tables of signatures', () => {
  it.each([
    '1',
    '1 | x',
    '1 | pointer | integer',
    '1 | mem fast | integer',
    '1 | mem | void star',
    '1 | | integer | odd',
  ])('refuses %s', (table) => {
    expect(() => parseSignatureTable(table)).toThrow(expect.objectContaining({ code: 'ERR_FORMAT' }))
  })
})
