/**
 * The C headers: clang compiles the examples with these and nothing else, to the instructions that the committed objects have; contexts lie as
 * the tables say; CO-RE macros become the relocations that they are documented to be.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeProgram } from '../../src/isa/index.ts'
import { type ObjectSpec, parseObject } from '../../src/object/index.ts'
import * as spec from '../../src/spec/index.ts'
import { bytesToHex } from '../../src/util/index.ts'
import { cli } from '../support/cli.ts'
import { EXAMPLES, parseExample } from '../support/examples.ts'

const CLANG = ['clang-19', 'clang'].find((name) => {
  const { status, stdout } = spawnSync(name, ['--version'], { encoding: 'utf8' })
  return status === 0 && /version 19\./.test(stdout)
})

let directory: string
let include: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'anybpf-headers-'))
  include = join(directory, 'include')
  const btf = join(EXAMPLES, 'tc-flows', 'flows.el.o')
  const { status } = await cli(['gen', 'headers', '-o', include, '--btf', btf])
  expect(status).toBe(0)
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

it('are written whole, and told of', async () => {
  const { status, stdout } = await cli(['gen', 'headers', '-o', join(directory, 'again'), '--json'])
  expect(status).toBe(0)
  const { files } = JSON.parse(stdout) as { files: { path: string; bytes: number }[] }
  expect(files.map(({ path }) => path.slice(directory.length + 7)).sort()).toEqual([
    'bpf/bpf_core_read.h',
    'bpf/bpf_endian.h',
    'bpf/bpf_helper_defs.h',
    'bpf/bpf_helpers.h',
    'linux/bpf.h',
    'linux/types.h',
  ])
  for (const { path, bytes } of files) expect(readFileSync(path)).toHaveLength(bytes)
  expect(readdirSync(join(directory, 'again', 'bpf')).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

it('declare each helper of the platform, and those of an older one only', async () => {
  const text = readFileSync(join(include, 'bpf', 'bpf_helper_defs.h'), 'utf8')
  for (const { name, id } of spec.linux().helpers.values()) {
    expect(text).toMatch(new RegExp(`\\bbpf_${name}\\)\\([^\\n]*= \\(void \\*\\)${id};`))
  }
  const older = join(directory, 'older')
  await cli(['gen', 'headers', '-o', older, '--platform', 'linux:4.19'])
  expect(readFileSync(join(older, 'bpf', 'bpf_helper_defs.h'), 'utf8')).not.toContain('bpf_ringbuf_reserve')
})

it('refuse a directory that is a file, and types that are none', async () => {
  const file = join(include, 'linux', 'types.h')
  expect((await cli(['gen', 'headers', '-o', file])).stderr).toMatch(/is a file, not a directory \[ERR_IO\]/)
  expect((await cli(['gen', 'headers', '-o', directory, '--btf', file])).stderr).toMatch(/\[ERR_BTF\]/)
})

function compile(source: string, name: string, ...more: string[]): ObjectSpec {
  const object = join(directory, `${name}.o`)
  const options = [
    '-mcpu=v3',
    '-O2',
    '-g',
    '-Wall',
    '-Werror',
    '-nostdinc',
    '-I',
    include,
    '-I',
    join(EXAMPLES, 'include'),
  ]
  const { status, stderr } = spawnSync(CLANG!, ['-target', 'bpfel', ...options, ...more, '-c', source, '-o', object], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return parseObject(new Uint8Array(readFileSync(object)))
}

function compileText(text: string, name: string): ObjectSpec {
  const source = join(directory, `${name}.bpf.c`)
  writeFileSync(source, text)
  return compile(source, name)
}

describe.skipIf(CLANG === undefined)('with clang', () => {
  const sources = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.bpf.c'))

  it.each(sources)('%s becomes the same program', (source) => {
    expect(existsSync(join(EXAMPLES, source))).toBe(true)
    const compiled = compile(join(EXAMPLES, source), source.replace(/\W/g, '_'))
    const committed = parseExample(source.replace(/\.bpf\.c$/, '.el.o'))
    const outline = ({ programs, functions, maps, license }: ObjectSpec) => ({
      license,
      code: [...Object.values(programs), ...Object.values(functions)].map((one) => [
        one.name,
        bytesToHex(encodeProgram(one.insns, 'little')),
        one.references,
      ]),
      maps: Object.values(maps).map(
        ({ btf: _, btfKeyType: _key, btfValueType: _value, innerMap: _inner, variables, ...map }) => ({
          ...map,
          variables: variables?.map(({ name, offset, size }) => ({ name, offset, size })),
        }),
      ),
    })
    expect(outline(compiled)).toEqual(outline(committed))
  })

  it('contexts lie as the tables say', () => {
    const layouts = [
      ...[spec.BPF_SOCK, spec.BPF_TCP_SOCK, spec.BPF_FLOW_KEYS, spec.XDP_MD, spec.SK_BUFF, spec.BPF_SOCK_ADDR],
      ...[spec.BPF_SOCK_OPS, spec.SK_MSG_MD, spec.SK_REUSEPORT_MD, spec.BPF_SK_LOOKUP, spec.BPF_SOCKOPT],
      ...[spec.BPF_SYSCTL, spec.BPF_CGROUP_DEV_CTX],
    ]
    const checks = layouts.flatMap(({ name, size, fields }) => [
      `_Static_assert(sizeof(struct ${name}) == ${size}, "${name}");`,
      ...fields.map(({ name: member, offset, size: bytes, count }) => {
        // What an alias covers besides its field is a field of the table, too.
        const rest = fields.some(({ aliases }) => aliases?.includes(member) === true)
        const place = rest ? `${member}[1]` : member
        const fits = rest ? '' : ` && sizeof(((struct ${name} *)0)->${member}) == ${bytes * (count ?? 1)}`
        return `_Static_assert(__builtin_offsetof(struct ${name}, ${place}) == ${offset}${fits}, "${name}.${member}");`
      }),
    ])
    expect(checks.length).toBeGreaterThan(150)
    compileText(`#include <linux/bpf.h>\n${checks.join('\n')}\n`, 'contexts')
  })

  it('CO-RE macros become the relocations that they mean', () => {
    const object = compileText(
      `
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct last { int value; };
struct middle { int before; struct last *last; };
struct first { long before; struct middle *middle; };
enum kind { KIND_A = 7 };
#pragma clang attribute pop
SEC("kprobe/x")
int reads(void *ctx)
{
	struct first *first = ctx;
	return BPF_CORE_READ(first, middle, last, value);
}
SEC("kprobe/y")
int asks(void *ctx)
{
	struct first *first = ctx;
	return bpf_core_field_exists(first->middle) + bpf_core_field_exists(struct first, before) +
	       bpf_core_field_size(first->middle) + bpf_core_field_offset(struct first, middle) +
	       bpf_core_type_exists(struct first) + bpf_core_type_size(struct first) + bpf_core_type_matches(struct first) +
	       bpf_core_enum_value_exists(enum kind, KIND_A) + bpf_core_enum_value(enum kind, KIND_A);
}
SEC("kprobe/z")
int prints(void *ctx)
{
	bpf_printk("none");
	bpf_printk("%d %d %d", 1, 2, 3);
	bpf_printk("%d %d %d %d %d", 1, 2, 3, 4, 5);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`,
      'core',
    )
    const kinds = (name: string) =>
      object.programs[name]!.coreRelocations.map(({ kind, access }) => `${kind} ${access}`)
    expect(kinds('reads')).toEqual(['0 0:1', '0 0:1', '0 0:0'])
    // Kinds by enum bpf_core_relo_kind.
    expect(kinds('asks').sort()).toEqual(['0 0:1', '1 0:1', '10 0', '11 0', '12 0', '2 0:0', '2 0:1', '8 0', '9 0'])
    const called = object.programs['prints']!.insns.flatMap((insn) => (insn.kind === 'call' ? [insn.imm] : []))
    expect(called.map((id) => spec.linux().helpers.get(id)?.name)).toEqual([
      'trace_printk',
      'trace_printk',
      'trace_vprintk',
    ])
  })

  it('vmlinux.h takes the place of linux/bpf.h', () => {
    const object = compileText(
      `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
SEC("tc") int mark(struct __sk_buff *skb) { return bpf_get_prandom_u32() + skb->mark; }
struct flow kept;
`,
      'vmlinux',
    )
    expect(Object.keys(object.programs)).toEqual(['mark'])
    expect(object.maps['.bss']!.variables!.map(({ name, size }) => [name, size])).toEqual([['kept', 16]])
  })
})
