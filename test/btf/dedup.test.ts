/** Deduplication: as few types as libbpf leaves, and none that says something else. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Btf, BtfBuilder, dedupBtf, emitBtf, parseBtf, typeText } from '../../src/btf/index.ts'
import { type BtfFile, committedBtf, corpusBtf, kernelBtf } from '../support/btf-files.ts'

type Unit = (b: BtfBuilder) => void

/** Several compilation units in one file. */
function units(...all: readonly Unit[]): Btf {
  const b = new BtfBuilder()
  for (const unit of all) {
    const one = new BtfBuilder()
    unit(one)
    b.addAll(one.build())
  }
  return b.build()
}

const list: Unit = (b) => {
  const int = b.int('int', 4, { signed: true })
  const node = b.struct('node', 16, [
    { name: 'next', type: b.nextId + 1, bitOffset: 0 },
    { name: 'value', type: int, bitOffset: 64 },
  ])
  b.ptr(node)
  b.func('push', b.funcProto(0, [{ name: 'n', type: node + 1 }]))
  b.enum('colour', [{ name: 'RED', value: 0 }])
}

describe('of compilation units', () => {
  it('leaves what one of them has', () => {
    const one = units(list)
    const { btf, ids } = dedupBtf(units(list, list, list))
    expect(btf.types).toEqual(one.types)
    expect([...ids.slice(0, 2 * one.length)].slice(one.length)).toEqual([...ids.slice(1, one.length), 1])
    expect(btf.ownStrings).toEqual(one.ownStrings)
  })

  it('keeps structs of one name apart whose members are of different types, however far away', () => {
    const other: Unit = (b) => {
      const int = b.int('int', 4, { signed: true })
      b.struct('node', 16, [
        { name: 'next', type: b.nextId + 1, bitOffset: 0 },
        { name: 'value', type: b.nextId + 2, bitOffset: 64 },
      ])
      b.ptr(2)
      b.typedef('number', int)
    }
    const { btf } = dedupBtf(units(list, other))
    expect(btf.idsOf('node')).toHaveLength(2)
    expect(btf.idsOf('int')).toHaveLength(1)
  })

  it('takes a declaration for the struct that it declares, in either order, and only for that', () => {
    const declares: Unit = (b) => {
      const fwd = b.fwd('node', 'struct')
      b.fwd('nobody', 'struct')
      b.fwd('node', 'union')
      const holder = b.struct('holder', 8, [{ name: 'p', type: b.nextId + 1, bitOffset: 0 }])
      b.ptr(fwd)
      expect(holder).toBe(4)
    }
    const defines: Unit = (b) => {
      list(b)
      b.struct('holder', 8, [{ name: 'p', type: 3, bitOffset: 0 }])
    }
    for (const order of [
      [declares, defines],
      [defines, declares],
      [declares, list],
    ]) {
      const { btf } = dedupBtf(units(...order))
      const kinds = btf.findAll('node').map((type) => (type.kind === 'fwd' ? `fwd ${type.target}` : type.kind))
      expect(kinds.sort()).toEqual(['fwd union', 'struct'])
      expect(btf.findAll('nobody')).toHaveLength(1)
      expect(btf.findAll('holder')).toHaveLength(1)
      const pointer = btf.type(btf.find('holder', 'struct')!.members[0]!.type)
      expect(pointer.kind === 'ptr' && btf.type(pointer.type).kind).toBe('struct')
    }
  })

  it('leaves a declaration alone that could stand for two structs', () => {
    const small: Unit = (b) => b.struct('s', 4, [{ name: 'a', type: b.int('int', 4), bitOffset: 0 }])
    const large: Unit = (b) => b.struct('s', 8, [{ name: 'a', type: b.int('long', 8), bitOffset: 0 }])
    const { btf } = dedupBtf(units(small, large, (b) => b.fwd('s', 'struct')))
    expect(btf.findAll('s').map((type) => type.kind)).toEqual(['struct', 'struct', 'fwd'])
  })

  it('takes an enum without values for the one that has them', () => {
    const full: Unit = (b) => b.enum64('e', [{ name: 'A', value: 1n << 40n }])
    const empty: Unit = (b) => b.ptr(b.enum('e', []))
    for (const order of [
      [full, empty],
      [empty, full],
    ]) {
      const { btf } = dedupBtf(units(...order))
      expect(btf.findAll('e').map((type) => type.kind)).toEqual(['enum64'])
    }
  })

  it('takes types made by hand', () => {
    const twice = units(list, list)
    const { btf, ids } = dedupBtf(new Btf(twice.types, { byteOrder: 'little' }))
    expect(btf.types).toEqual(units(list).types)
    expect(ids).toEqual(dedupBtf(twice).ids)
  })

  it('merges what extends a base with the base, which stays', () => {
    const base = units(list)
    const b = new BtfBuilder({ base })
    const int = b.int('int', 4, { signed: true })
    const node = b.struct('node', 16, [
      { name: 'next', type: b.nextId + 1, bitOffset: 0 },
      { name: 'value', type: int, bitOffset: 64 },
    ])
    const pointer = b.ptr(node)
    const mine = b.struct('mine', 8, [{ name: 'p', type: pointer, bitOffset: 0 }])
    const { btf, ids } = dedupBtf(b.build())
    expect(btf.length).toBe(base.length + 1)
    expect(ids[node]).toBe(base.find('node', 'struct')!.id)
    expect(btf.type(ids[mine]!)).toMatchObject({ name: 'mine', members: [{ name: 'p', type: ids[pointer] }] })
    expect(parseBtf(emitBtf(btf), { base }).types).toEqual(btf.types)
  })
})

/** The types of all objects of one byte order, one after the other. */
function concatenated(files: readonly BtfFile[]): Btf {
  const b = new BtfBuilder()
  for (const { btf } of files) {
    const one = parseBtf(btf)
    if (one.byteOrder === 'little') b.addAll(one)
  }
  return b.build()
}

const directory = mkdtempSync(join(tmpdir(), 'anybpf-dedup-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const oracle = join(directory, 'oracle')
const source = join(import.meta.dirname, 'dedup-oracle.c')
const hasOracle = spawnSync('cc', ['-o', oracle, source, '-lbpf']).status === 0

/** How many types libbpf leaves. */
function libbpf(btf: Btf): number {
  const path = join(directory, 'in.btf')
  writeFileSync(path, emitBtf(btf))
  return Number(spawnSync(oracle, [path], { encoding: 'utf8' }).stdout)
}

describe('of real objects', () => {
  const check = (btf: Btf): void => {
    const { btf: less, ids } = dedupBtf(btf)
    expect(less.length).toBeLessThan(btf.length)
    expect(dedupBtf(less).btf.types).toEqual(less.types)
    const changed: string[] = []
    for (let id = 1; id < btf.length; id++) {
      const [was, is] = [typeText(btf, id), typeText(less, ids[id]!)]
      if (was !== is && btf.kindOf(id) !== 'fwd' && !was.includes('union ') && !was.includes('struct '))
        changed.push(`${was}: ${is}`)
      const [before, after] = [btf.type(id), less.type(ids[id]!)]
      if (before.kind === 'struct' && after.kind === 'struct' && before.size !== after.size) changed.push(before.name)
    }
    expect(changed).toEqual([])
    if (hasOracle) expect(less.length).toBe(libbpf(btf))
  }

  it(`leaves as few as libbpf${hasOracle ? '' : ' (not there: not compared)'}, and finds no more when asked again`, () => {
    check(concatenated(committedBtf()))
  })

  it('of the corpus, too', { timeout: 60_000 }, ({ skip }) => {
    const files = corpusBtf()
    if (files === undefined) return skip('there is no corpus')
    check(concatenated(files))
  })

  it('of the running kernel leaves as many as libbpf', { timeout: 60_000 }, ({ skip }) => {
    const bytes = kernelBtf()
    if (bytes === undefined || !hasOracle) return skip('there is no kernel with BTF, or no libbpf')
    const kernel = parseBtf(bytes)
    expect(dedupBtf(kernel).btf.length).toBe(libbpf(kernel))
  })
})
