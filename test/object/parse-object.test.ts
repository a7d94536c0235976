/** Objects of clang in both byte orders, against the C that they came from. */
import { describe, expect, it } from 'vitest'
import { linkProgram, type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { ORDERS, readObject } from '../support/objects.ts'

describe.each(ORDERS)('maps (%s)', (order) => {
  const spec = parseObject(readObject('maps', order))
  const { maps } = spec

  it('has no problems', () => {
    expect(spec.problems).toEqual([])
    expect(spec.license).toBe('Dual MIT/GPL')
    expect(spec.byteOrder).toBe(order === 'el' ? 'little' : 'big')
  })

  it('lists maps in the order of their section, then global data', () => {
    expect(Object.keys(maps)).toEqual([
      'first',
      'second',
      'outer',
      'jumps',
      'flows',
      'sized',
      'bloom',
      'events',
      'anonymous',
      '.data',
      '.rodata',
      '.rodata.wanted',
      '.bss',
    ])
  })

  it('takes sizes from types', () => {
    expect(maps['flows']).toMatchObject({
      kind: 'map',
      type: 1,
      keySize: 8,
      valueSize: 16,
      maxEntries: 1024,
      flags: 1,
      pinning: 1,
    })
    const { btf, btfKeyType, btfValueType } = maps['flows']!
    expect(btf!.describe(btfKeyType!)).toBe('struct flow')
    expect(btf!.describe(btfValueType!)).toBe('struct counters')
  })

  it('takes sizes as numbers, NUMA node and map_extra', () => {
    expect(maps['sized']).toMatchObject({ type: 2, keySize: 4, valueSize: 24, maxEntries: 3, flags: 4, numaNode: 1 })
    expect(maps['sized']!.btfKeyType).toBeUndefined()
    expect(maps['bloom']).toMatchObject({ type: 30, keySize: 0, valueSize: 4, mapExtra: 0x123456789n })
    expect(maps['events']).toMatchObject({ type: 27, keySize: 0, valueSize: 0, maxEntries: 4096 })
  })

  it('reads inner maps, of a typedef and anonymous, and what the slots hold from the start', () => {
    expect(maps['outer']).toMatchObject({ type: 12, valueSize: 4, maxEntries: 4 })
    expect(maps['outer']!.innerMap).toMatchObject({ type: 2, keySize: 4, valueSize: 8, maxEntries: 7 })
    expect(maps['outer']!.initialSlots).toEqual([
      { index: 1, target: { kind: 'map', map: 'first' } },
      { index: 3, target: { kind: 'map', map: 'second' } },
    ])
    expect(maps['anonymous']!.innerMap).toMatchObject({ type: 1, keySize: 8, valueSize: 16, maxEntries: 5 })
    expect(maps['jumps']!.initialSlots).toEqual([{ index: 1, target: { kind: 'program', program: 'pass' } }])
    expect(maps['jumps']!.innerMap).toBeUndefined()
  })

  it('makes maps of global data, with their variables and contents', () => {
    const data = maps['.data']!
    const view = new DataView(data.contents!.buffer)
    expect(data).toMatchObject({ kind: 'data', type: 2, keySize: 4, valueSize: 18, maxEntries: 1, flags: 0 })
    expect(view.getUint32(0, order === 'el')).toBe(0x01020304)
    expect(view.getUint16(16, order === 'el')).toBe(0x0506)
    expect(data.variables!.map(({ name, offset, size, linkage }) => [name, offset, size, linkage])).toEqual([
      ['initialised', 0, 4, 'global'],
      ['pointer', 8, 8, 'global'],
      ['hidden', 16, 2, 'static'],
    ])
    expect(data.btf!.describe(data.variables![1]!.btfType!)).toBe('__u32 *')
    expect(data.pointers).toEqual([{ offset: 8, target: { kind: 'map_value', map: '.data', offset: 0 } }])
    expect(maps['.rodata']).toMatchObject({ kind: 'rodata', flags: 0x80, valueSize: 4 })
    expect(maps['.rodata.wanted']!.variables![0]).toMatchObject({ name: 'wanted', offset: 0, size: 8 })
    expect(maps['.bss']).toMatchObject({ kind: 'bss', valueSize: 32 })
    expect(maps['.bss']!.contents).toEqual(new Uint8Array(32))
  })

  it('says which instruction refers to what', () => {
    const { insns, references } = spec.programs['count']!
    expect(references.map(({ kind, ...rest }) => ('map' in rest ? [kind, rest.map] : [kind]))).toEqual([
      ['map_value', '.rodata.wanted'],
      ['map', 'flows'],
      ['map_value', '.rodata'],
      ['map_value', '.data'],
      ['map_value', '.bss'],
      ['map', 'sized'],
      ['map', 'second'],
      ['map_value', '.data'],
      ['map', 'jumps'],
    ])
    for (const { slot } of references) expect(insns[slot]!.kind).toBe('lddw')
    expect(references[3]).toMatchObject({ offset: 16 })
    expect(references[7]).toMatchObject({ offset: 8 })
  })

  it('is data that a caller may edit', () => {
    const copy = parseObject(readObject('maps', order))
    copy.maps['flows']!.maxEntries = 4096
    expect(copy.maps['flows']!.maxEntries).toBe(4096)
    expect(maps['flows']!.maxEntries).toBe(1024)
    expect(Object.getPrototypeOf(copy.maps)).toBeNull()
  })
})

describe.each(ORDERS)('functions (%s)', (order) => {
  const spec = parseObject(readObject('calls', order))

  it('are programs in sections of their own, and subprograms in .text', () => {
    expect(Object.keys(spec.programs)).toEqual(['elsewhere', 'beside', 'entry', 'optional', 'on_device'])
    expect(Object.keys(spec.functions)).toEqual(['global_leaf', 'leaf', 'each'])
    expect(spec.functions['leaf']).toMatchObject({ section: '.text', linkage: 'static' })
    expect(spec.functions['global_leaf']).toMatchObject({ linkage: 'global', sectionSlot: 0 })
    expect(spec.programs['beside']).toMatchObject({ section: 'tc/helpers', linkage: 'static' })
  })

  it('have the type that their section says', () => {
    expect(spec.programs['entry']).toMatchObject({ type: 'sched_cls', sleepable: false, autoload: true })
    expect(spec.programs['optional']).toMatchObject({
      type: 'tracing',
      attachType: 'trace_fentry',
      attachTo: 'do_unlinkat',
      sleepable: true,
      autoload: false,
    })
    expect(spec.programs['on_device']).toMatchObject({ type: 'xdp', attachType: 'xdp_devmap', frags: true })
  })

  it('refer to each other by name: calls in and across sections, and addresses', () => {
    const functions = spec.programs['entry']!.references.map((reference) =>
      reference.kind === 'function' ? [reference.via, reference.function] : [reference.kind],
    )
    expect(functions).toEqual([
      ['call', 'leaf'],
      ['call', 'global_leaf'],
      ['call', 'beside'],
      ['call', 'elsewhere'],
      ['address', 'each'],
    ])
  })

  it('have their BTF and their source lines', () => {
    const leaf = spec.functions['leaf']!
    expect(spec.btf!.type(leaf.btfType!)).toMatchObject({ kind: 'func', name: 'leaf' })
    expect(leaf.lines[0]).toEqual({ slot: 0, file: './calls.c', line: 8, column: 8, text: '\ttotal += x;' })
    expect(leaf.lines.every((line, i) => i === 0 || line.slot > leaf.lines[i - 1]!.slot)).toBe(true)
  })

  it('are linked into one program', () => {
    const linked = linkProgram(spec, spec.programs['entry']!)
    expect(linked.functions.map((one) => one.name)).toEqual([
      'entry',
      'leaf',
      'global_leaf',
      'beside',
      'elsewhere',
      'each',
    ])
    expect(linked.insns).toHaveLength(linked.functions.reduce((sum, one) => sum + one.slotCount, 0))
    const starts = new Set(linked.functions.map((one) => one.slot))
    const reached = new Set<number>([0])
    linked.insns.forEach((insn, slot) => {
      const isCode =
        (insn.kind === 'call' && insn.target === 'local') || (insn.kind === 'lddw' && insn.source === 'code_addr')
      if (!isCode) return
      expect(starts).toContain(slot + 1 + insn.imm)
      reached.add(slot + 1 + insn.imm)
    })
    expect(reached).toEqual(starts)
  })

  it('keep references and lines at their new slots', () => {
    const linked = linkProgram(spec, spec.programs['entry']!)
    expect(linked.references.map((one) => one.kind)).toEqual(['map_value', 'map_value', 'map_value'])
    for (const { slot } of linked.references) expect(linked.insns[slot]!.kind).toBe('lddw')
    const each = linked.functions.find((one) => one.name === 'each')!
    expect(linked.lines.find((line) => line.slot === each.slot)).toMatchObject({ line: 29, text: '\ttotal += index;' })
    expect(linked.lines.every((line, i) => i === 0 || line.slot > linked.lines[i - 1]!.slot)).toBe(true)
  })

  it('are not changed by linking', () => {
    const before = JSON.stringify(spec.programs['entry']!.insns)
    const linked = linkProgram(spec, spec.programs['entry']!)
    linked.insns.fill({ kind: 'exit' })
    expect(JSON.stringify(spec.programs['entry']!.insns)).toBe(before)
  })
})

describe.each(ORDERS)('externs (%s)', (order) => {
  const spec = parseObject(readObject('externs', order))

  it('of .kconfig are bytes of a map, largest first', () => {
    const kconfig = spec.maps['.kconfig']!
    expect(kconfig).toMatchObject({ kind: 'kconfig', valueSize: 29, flags: 0x80 })
    expect(kconfig.variables!.map(({ name, offset, size, linkage }) => [name, offset, size, linkage])).toEqual([
      ['CONFIG_HZ', 0, 8, 'global'],
      ['LINUX_KERNEL_VERSION', 8, 4, 'global'],
      ['CONFIG_DEFAULT_HOSTNAME', 12, 16, 'weak'],
      ['CONFIG_BPF_JIT', 28, 1, 'weak'],
    ])
  })

  it('of .ksyms are named, with their type and whether they must exist', () => {
    expect({ ...spec.externs }).toMatchObject({
      bpf_prog_active: { weak: false },
      missing_symbol: { weak: true },
      bpf_task_acquire: { weak: false },
      bpf_task_release: { weak: true },
    })
    expect(spec.btf!.type(spec.externs['bpf_task_acquire']!.btfType!)).toMatchObject({ kind: 'func' })
    const kinds = spec.programs['on_switch']!.references.map((reference) =>
      'extern' in reference ? `${reference.kind} ${reference.extern}` : reference.kind,
    )
    expect(kinds).toEqual([
      'ksym missing_symbol',
      'kfunc bpf_task_acquire',
      'map_value',
      'map_value',
      'map_value',
      'map_value',
      'kfunc bpf_task_release',
      'ksym bpf_prog_active',
    ])
  })

  it('that are kernel functions are kfunc calls once linked', () => {
    const linked = linkProgram(spec, spec.programs['on_switch']!)
    const kfuncs = linked.references.filter((one) => one.kind === 'kfunc')
    expect(kfuncs.map((one) => linked.insns[one.slot])).toEqual([
      { kind: 'call', target: 'kfunc', imm: 0, off: 0 },
      { kind: 'call', target: 'kfunc', imm: 0, off: 0 },
    ])
  })

  it('CO-RE records are kept', () => {
    const [record] = spec.programs['on_switch']!.coreRelocations
    expect(record).toMatchObject({ access: '0:1', kind: 0 })
    expect(spec.btf!.type(record!.type).name).toBe('task_struct')
  })
})

describe.each(ORDERS)('an object from before BTF (%s)', (order) => {
  const spec = parseObject(readObject('legacy', order))

  it('has its maps from records of iproute2', () => {
    expect(spec.problems).toEqual([])
    expect(spec.btf).toBeUndefined()
    expect(spec.maps['table']).toMatchObject({ type: 1, keySize: 4, valueSize: 8, maxEntries: 16, pinning: 2 })
    expect(spec.maps['table']!.legacyFields).toEqual([7, 2, 0, 0])
    expect(spec.maps['nested']!.innerMap).toMatchObject({ name: 'table', type: 1, maxEntries: 16 })
  })

  it('has licence, version and programs', () => {
    expect(spec.license).toBe('GPL')
    expect(spec.kernelVersion).toBe(0x050a00)
    expect(spec.programs['on_write']).toMatchObject({ type: 'kprobe', attachTo: 'sys_write' })
    expect(spec.programs['tail']).toMatchObject({ type: 'unspec', section: '2/1' })
    expect(spec.programs['tail']!.references).toEqual([{ kind: 'map', slot: 4, map: 'nested' }])
  })
})

describe.each(ORDERS)('an object with nothing but .text (%s)', (order) => {
  const spec: ObjectSpec = parseObject(readObject('text', order))

  it('has its global functions as programs', () => {
    expect(Object.keys(spec.programs)).toEqual(['func', 'other'])
    expect(Object.keys(spec.functions)).toEqual(['inner'])
    expect(linkProgram(spec, spec.programs['other']!).functions.map((one) => one.name)).toEqual(['other', 'inner'])
  })
})
