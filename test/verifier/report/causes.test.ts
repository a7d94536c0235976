/**
 * Explanations name the true cause, and suggest what makes the program pass. The gallery (`examples/rejections`) holds the
 * same of compiled programs; here is what does not depend on a compiler's choices.
 */
import { describe, expect, it } from 'vitest'
import { explain, type ReportError, type VerifierLine } from '../../../src/verifier/index.ts'
import {
  accessedMember,
  accessedPointer,
  assignedName,
  indexedArray,
} from '../../../src/verifier/report/source-names.ts'
import { btfOf } from '../memory/programs.ts'
import { judge } from './support.ts'

/** Lines of C, each from the slot where its code begins; the column is where the text after `|` begins. */
function lines(texts: Readonly<Record<number, string>>): readonly VerifierLine[] {
  return Object.entries(texts).map(([slot, marked], i) => ({
    slot: Number(slot),
    file: 'program.c',
    line: i + 1,
    column: marked.indexOf('|') + 1,
    text: marked.replace('|', ''),
  }))
}

function errorOf(...question: Parameters<typeof judge>): ReportError {
  const { error } = judge(...question)
  expect(error).toBeDefined()
  return error!
}

describe('a size', () => {
  const CHECKED = (compared: string): string => `
r7 = r1
call get_prandom_u32
r6 = r0
r1 = r6
r1 <<= 32
r1 >>= 32
if ${compared} == 0 goto out
if ${compared} > 8 goto out
r1 = r7
r2 = 0
r3 = r10
r3 += -16
r4 = r6
call skb_load_bytes
out: r0 = 0
exit
`
  const LINES = lines({
    0: 'int classify(struct __sk_buff *skb)',
    1: '__u32 length = |bpf_get_prandom_u32();',
    3: 'if (|length == 0 || length > 8)',
    8: '|bpf_skb_load_bytes(skb, 0, bytes, length);',
  })

  it('that was checked in a copy of 32 bits is said to be so, and gets a type of 64 bits', () => {
    const error = errorOf(CHECKED('r1'), {}, { lines: LINES })
    expect(error.code).toBe('negative_offset')
    expect(error.reason).toContain('`length` (r4) was checked in line 3 as a number of 32 bits, in a copy')
    expect(error.fix).toContain('__u64 length = bpf_get_prandom_u32();')
    expect(error.path.map(({ holds }) => holds)).toEqual(['(__u32)length != 0', '(__u32)length <= 8'])
  })

  it('that was compared in 32 bits is no better', () => {
    const error = errorOf(CHECKED('w6'), {}, { lines: LINES })
    expect(error.reason).toContain('was checked in line 3 as a number of 32 bits')
  })

  it('that is checked as a whole is good', () => {
    expect(judge(CHECKED('r6'), {}, { lines: LINES }).verdict).toBe('accept')
  })
})

describe('a suggestion', () => {
  it('gives back first what is held', () => {
    const source = `
r6 = *(u32 *)(r1 + 0)
r1 = 0 ll
r2 = 64
r3 = 0
call ringbuf_reserve
if r0 == 0 goto out
r1 = r0
r1 += r6
*(u8 *)(r1 + 0) = 1
r1 = r0
r2 = 0
call ringbuf_submit
out: r0 = 0
exit
`
    const map = { name: 'events', type: 27, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 }
    const error = errorOf(
      source,
      {},
      {
        references: new Map([[1, { kind: 'map' as const, map }]]),
        lines: lines({
          0: '__u32 at = |skb->len;',
          1: 'char *event = |bpf_ringbuf_reserve(&events, 64, 0);',
          6: 'if (!|event)',
          7: 'event|[at] = 1;',
        }),
      },
    )
    expect(error.fix).toContain('if (at > 63) {\n          bpf_ringbuf_discard(event, 0);\n          return 0;\n  }')
  })

  it('names no variable that it does not know', () => {
    const sources = [
      'r2 = *(u32 *)(r1 + 0)\nr0 = r10\nr0 += r2\nr0 = *(u8 *)(r0 + 0)\nexit\n',
      'r0 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r0 + 0)\nexit\n',
      'r1 = *(u32 *)(r1 + 0)\nr2 = r1\nr1 = r10\nr1 += -8\nr3 = 0\ncall probe_read_kernel\nr0 = 0\nexit\n',
    ]
    for (const source of sources) {
      const { fix = '' } = errorOf(source, {}, { type: 'kprobe' })
      expect(fix).not.toMatch(/\b(?:LIMIT|index|buffer|value|pointer) ?[>=)]/)
    }
  })

  it('says what to return where one value only is allowed', () => {
    const error = errorOf('call get_prandom_u32\nexit\n', {}, { type: 'tracing', attachType: 'trace_fentry' })
    expect(error.code).toBe('return_value')
    expect(error.fix).toBe('Return a constant on every path, 0.')
  })
})

describe('what Linux would say', () => {
  it('is set apart from limits of our own', () => {
    const forever = judge('again: call get_prandom_u32\nif r0 != 0 goto again\nr0 = 0\nexit\n', { stateLimit: 5 })
    if (forever.error?.code === 'memory_limit') {
      expect(forever.error.saidByLinux).toBe(false)
      expect(explain(forever)).not.toContain('Linux:')
    } else expect(forever.error?.saidByLinux).toBe(true)
    const late = judge(
      'again: r6 += 1\nif r6 != 900000 goto again\nr0 = 0\nexit\n'.replace('again:', 'r6 = 0\nagain:'),
      {
        timeLimit: 1,
      },
    )
    expect(late.error).toMatchObject({ code: 'time_limit', saidByLinux: false })
    expect(explain(late)).not.toContain('Linux:')
    expect(explain(judge('exit\n'))).toContain('Linux: R0 !read_ok')
  })
})

describe('a long path', () => {
  it('is explained in about the time that it takes to follow', () => {
    const source = `
r7 = r1
call get_prandom_u32
r6 = r0
r8 = 0
again: r8 += 1
r6 += 1
if r6 == 77 goto out
if r6 == 78 goto out
if r8 != 3000 goto again
r1 = r7
r2 = 0
r3 = r10
r3 += -16
r4 = r6
call skb_load_bytes
out: r0 = 0
exit
`
    const timed = (explained: boolean): number => {
      const start = performance.now()
      expect(judge(source, { explain: explained }).error?.code).toBe('negative_offset')
      return performance.now() - start
    }
    timed(true)
    expect(timed(true)).toBeLessThan(4 * timed(false) + 1000)
    expect(errorOf(source).value!.history.length).toBeLessThanOrEqual(12)
  })
})

describe('names by columns', () => {
  it('takes the variable of the statement and declarator that a column lies in', () => {
    const line = 'void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end; int n = 5;'
    expect(assignedName(line, line.indexOf('ctx->data,') + 1)).toBe('data')
    expect(assignedName(line, line.indexOf('ctx->data_end') + 1)).toBe('end')
    expect(assignedName(line, line.indexOf('5') + 1)).toBe('n')
  })

  it('does not call an argument what the result is called', () => {
    const line = 'struct ev *e = bpf_ringbuf_reserve(&rb, sizeof(*e) + skb->len, 0);'
    expect(assignedName(line, line.indexOf('+') + 1)).toBeUndefined()
    expect(assignedName(line, line.indexOf('bpf_') + 1)).toBe('e')
  })

  it('does not search lines that nobody wrote', () => {
    const line = `${'a'.repeat(200_000)} = b->c;`
    const start = performance.now()
    for (const name of [assignedName, accessedPointer, accessedMember]) expect(name(line, 200_004)).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(1000)
  })

  it('finds the pointer of an access, and members', () => {
    expect(accessedPointer('if (q[i] == 0)', 5)).toBe('q + i')
    expect(accessedPointer('sum += *p; p++;', 8)).toBe('p')
    expect(accessedPointer('counters[p[23]]++;', 10)).toBe('p + 23')
    expect(accessedPointer('a[i] = b[j];', 0)).toBeUndefined()
    expect(accessedMember('if (eth->h_proto != 8)', 10)).toBe('eth->h_proto')
    expect(indexedArray('t->cells[i] = 0;', 'i')).toBe('t->cells')
  })
})

describe('a target that the kernel does not have', () => {
  const TRACING = { type: 'tracing', attachType: 'trace_fentry' }
  const kernelBtf = btfOf(
    { kind: 'int', name: 'int', size: 4, bits: 32, offset: 0, signed: true, char: false, bool: false },
    { kind: 'func_proto', name: '', returnType: 1, params: [], variadic: false },
    { kind: 'func', name: 'there', type: 2, linkage: 'static' },
  )

  it('is a rejection where the types of the kernel are known', () => {
    const error = errorOf('r0 = 0\nexit\n', { kernelBtf }, { ...TRACING, attachTo: 'no_such_function' })
    expect(error).toMatchObject({ code: 'attach_target', saidByLinux: false })
    expect(error.reason).toContain('no_such_function')
    expect(error.insn).toBeUndefined()
  })

  it('is none where they are not, or where it may be in a module', () => {
    expect(judge('r0 = 0\nexit\n', {}, { ...TRACING, attachTo: 'no_such_function' }).verdict).toBe('accept')
    expect(judge('r0 = 0\nexit\n', { kernelBtf }, { ...TRACING, attachTo: 'nf_nat:f' }).verdict).toBe('accept')
    expect(judge('r0 = 0\nexit\n', { kernelBtf }, { ...TRACING, attachTo: 'there' }).verdict).toBe('accept')
  })
})
