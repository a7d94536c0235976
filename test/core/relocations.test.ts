/**
 * CO-RE relocations of the programs in this directory against each of the targets: what libbpf logged of them when it was
 * asked, and, where it can be, what it says now.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Btf, CORE_RELOCATION_KINDS } from '../../src/btf/index.ts'
import { type ObjectSpec, parseObject, readTypes } from '../../src/object/index.ts'
import { corpusObjects } from '../support/objects.ts'
import { askLibbpf, DIRECTORY, type LoggedObject, ourLog, recordedLog } from './libbpf-log.ts'

const VMLINUX = '/sys/kernel/btf/vmlinux'
const OBJECTS = readdirSync(DIRECTORY).filter((name) => name.endsWith('.o'))
const TARGETS = readdirSync(join(DIRECTORY, 'targets')).filter((name) => /\.(?:o|btf)$/.test(name))

const specs = new Map<string, ObjectSpec>()
const targets = new Map<string, Btf>()

function once<T>(known: Map<string, T>, file: string, read: (bytes: Uint8Array) => T): T {
  let value = known.get(file)
  if (value === undefined) {
    const path = file === '-' ? VMLINUX : file.startsWith('/') ? file : join(DIRECTORY, file)
    known.set(file, (value = read(readFileSync(path))))
  }
  return value
}

function ours({ object, target, program }: LoggedObject): string[] {
  return untilFailure(ourLog(once(specs, object, parseObject), once(targets, target, readTypes), program))
}

function expectAlike(logged: readonly LoggedObject[]): void {
  const different = logged.filter((one) => ours(one).join('\n') !== untilFailure(one.lines).join('\n'))
  for (const one of different.slice(0, 1)) expect(ours(one), title(one)).toEqual(untilFailure(one.lines))
  expect(different.map(title)).toEqual([])
}

function title({ object, target, program }: LoggedObject): string {
  return `${object} against ${target}, program ${program}`
}

/** What is said of a relocation before it fails hangs on where it fails. */
function untilFailure(lines: readonly string[]): string[] {
  const last = lines.at(-1) ?? ''
  const failed = /^(prog '.*': relo #\d+: )failed$/.exec(last)
  if (failed === null) return [...lines]
  return [...lines.filter((line) => !line.startsWith(failed[1]!)), last]
}

describe('CO-RE relocations', () => {
  const recorded = recordedLog()

  it('has a record of every program and target', () => {
    const pairs = new Set(recorded.map(({ object, target }) => `${object} ${target}`))
    const all = OBJECTS.flatMap((object) => TARGETS.map((target) => `${object} targets/${target}`))
    expect([...pairs].sort()).toEqual(all.sort())
    expect(OBJECTS.length).toBeGreaterThanOrEqual(40)
  })

  it('covers all kinds, and each way that they end', () => {
    const text = recorded.flatMap(({ lines }) => lines).join('\n')
    for (const { name } of CORE_RELOCATION_KINDS) expect(text).toContain(`<${name}>`)
    for (const end of [
      'imm64 ',
      '(ALU/ALU64) imm ',
      '(LDX/ST/STX) off ',
      'mem_sz 4 -> 8',
      'substituting',
      'failed',
      'no matching',
    ]) {
      expect(text).toContain(end)
    }
  })

  it('come to what libbpf recorded', () => {
    expectAlike(recorded)
  })

  it('come to what libbpf says now, also of the running kernel', ({ skip }) => {
    const asked = askLibbpf(
      OBJECTS.flatMap((object) =>
        [...TARGETS.map((name) => `targets/${name}`), '-'].map((target) => [object, target] as const),
      ),
    )
    if (asked.unavailable !== '') skip(asked.unavailable)
    expect(asked.objects.length).toBeGreaterThanOrEqual(OBJECTS.length * (TARGETS.length + 1))
    // Before 1.6, elements of an array were accessed with the size of the array.
    const [, minor = 0] = (asked.version ?? '').replace('v', '').split('.').map(Number)
    expectAlike(asked.objects.filter(({ object }) => minor >= 6 || object !== 'resize-arrays.o'))
  })

  it('come to what libbpf says now of the objects of a corpus', ({ skip }) => {
    const corpus = corpusObjects()
    if (corpus === undefined) return skip('there is no corpus')
    const files = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).map((name) => join(corpus, name))
    const wanted = files.filter((file) => /\.(?:o|elf)$/.test(file) && hasRelocations(file))
    const asked = askLibbpf(wanted.map((file) => [file, '-'] as const))
    if (asked.unavailable !== '') skip(asked.unavailable)
    // Some libbpf refuses before it comes to that.
    const relocated = asked.objects.filter(({ lines }) => lines.length > 0)
    expect(relocated.length).toBeGreaterThan(asked.objects.length / 2)
    expectAlike(relocated)
  })
})

function hasRelocations(file: string): boolean {
  try {
    const { byteOrder, programs, functions } = once(specs, file, parseObject)
    if (byteOrder !== 'little') return false
    return [...Object.values(programs), ...Object.values(functions)].some((one) => one.coreRelocations.length > 0)
  } catch {
    return false
  }
}
