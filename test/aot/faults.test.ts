/**
 * What built programs do wrong is named as it is elsewhere, and so is what a caller gets wrong.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { type BuildOptions, buildObject } from '../../src/build/index.ts'
import { type Collection, Runtime } from '../../src/loader/index.ts'
import { ethernet, ipv4, tcp } from '../../src/net/index.ts'
import type { BpfFault } from '../../src/vm/index.ts'
import { parseExample } from '../support/examples.ts'
import { compileModules } from './forbidden.ts'
import { type Built, loadBuild, objectOf } from './small-object.ts'

async function start(text: string, options: Partial<BuildOptions> = {}): Promise<Collection> {
  const build = buildObject(objectOf(text), { name: 'main', verify: false, ...options })
  return (await loadBuild(build)).instantiate(compileModules(build.files))
}

function faultOf(run: () => unknown): Pick<BpfFault, 'kind' | 'slot' | 'message' | 'code'> {
  try {
    run()
  } catch (error) {
    const { kind, slot, message, code } = error as BpfFault
    return { kind, slot, message, code }
  }
  throw new Error('no fault')
}

const PACKET = new Uint8Array(64)

describe('faults of built programs', () => {
  it.each([
    [
      'a read behind the end of the memory',
      'r0 = 0\nr1 = 0xfffffff0 ll\nr0 = *(u64 *)(r1 + 0)\nexit',
      'out_of_bounds',
      3,
    ],
    ['a write near NULL', 'r0 = 0\nr1 = 8\n*(u32 *)(r1 + 0) = r0\nexit', 'null', 2],
    ['a call of a helper that is not there', 'r6 = 9999\ncallx r6\nexit', 'unknown_helper', 1],
    ['an endless loop', 'r0 = 0\nl: r0 += 1\ngoto l\nexit', 'budget', 1],
    ['a misaligned atomic', 'r2 = r10\nr2 += -7\nr0 = 1\nlock *(u64 *)(r2 + 0) += r0\nexit', 'misaligned_atomic', 3],
  ])('%s has its kind, its instruction and its line', async (_, text, kind, slot) => {
    const built = await start(text)
    const fault = faultOf(() => built.program('main').run(PACKET))
    expect(fault).toMatchObject({ kind, slot })
    expect(fault.message).toContain(`main: insn ${slot} (main.c:${10 + slot})`)
    // The same as where it is compiled.
    const runtime = new Runtime()
    const { programs } = runtime.load(objectOf(text), { verify: false, engine: 'jit' })
    expect(fault).toEqual(faultOf(() => programs['main']!.run(PACKET)))
    runtime.dispose()
  })

  it('a budget is what the build says, unless a run says otherwise', async () => {
    const loop = 'r0 = 0\nl: r0 += 1\nif r0 != 1000 goto l\nexit'
    const bounded = (await start(loop, { budget: 100 })).program('main')
    expect(faultOf(() => bounded.run(PACKET))).toMatchObject({ kind: 'budget', code: 'ERR_BUDGET' })
    expect(bounded.run(PACKET, { budget: 10_000 }).retval).toBe(1000)
    expect(bounded.run(PACKET, { budget: 0 }).retval).toBe(1000)
    const unbounded = (await start(loop, { budget: 0 })).program('main')
    expect(unbounded.run(PACKET).retval).toBe(1000)
    expect(() => unbounded.run(PACKET, { budget: 5 })).toThrow(/built without a budget.*--budget N/)
  })

  it('nothing that only the interpreter can do is done silently in another way', async () => {
    const program = (await start('r0 = 0\nexit')).program('main')
    expect(() => program.run(PACKET, { checked: true })).toThrow(/no interpreter/)
  })
})

describe('instantiating', () => {
  const firewall = buildObject(parseExample('xdp-firewall/firewall.el.o'), { name: 'firewall' })
  const modules = compileModules(firewall.files)
  let built: Built
  beforeAll(async () => {
    built = await loadBuild(firewall)
  })

  it('takes an environment, a place to print to, and a limit', async () => {
    const print = 'r6 = 0x6968\n*(u64 *)(r10 - 8) = r6\nr1 = r10\nr1 += -8\nr2 = 3\ncall 6\ncall 5\nexit'
    const build = buildObject(objectOf(print), { name: 'main' })
    const { instantiate, environment } = await loadBuild(build)
    const lines: string[] = []
    const options = { environment: environment({ startNs: 77n }), print: (line: string) => lines.push(line) }
    const collection = instantiate({ ...compileModules(build.files), ...options })
    expect(collection.program('main').run(PACKET).retval).toBe(77)
    expect(lines).toEqual(['hi'])
    collection.dispose()
    expect(() => collection.program('main').run(PACKET)).toThrow(/disposed/)
    expect(() => built.instantiate({ ...modules, memoryLimit: 1 << 17 })).toThrow(
      expect.objectContaining({ code: 'ERR_NO_MEMORY' }),
    )
  })

  it('finds in hash tables what is there, whatever the seed', () => {
    const packetFrom = (src: string): Uint8Array => ethernet(ipv4({ src }, tcp({ dport: 22 })))
    for (const hashSeed of [undefined, 1, 0xfeedbeef]) {
      const { maps, programs } = built.instantiate({ ...modules, ...(hashSeed !== undefined && { hashSeed }) })
      for (let last = 0; last < 50; last++) maps['blocked']!.set({ addr: 0x0a000000 + last }, 1)
      const verdicts = Array.from(
        { length: 100 },
        (_, last) => programs['firewall']!.run(packetFrom(`10.0.0.${last}`)).verdict,
      )
      expect(verdicts).toEqual(verdicts.map((_, last) => (last < 50 ? 'XDP_DROP' : 'XDP_PASS')))
    }
  })

  it('gives every instance a memory of its own', () => {
    const one = built.instantiate(modules)
    const other = built.instantiate(modules)
    one.maps['blocked']!.set({ addr: '10.0.0.1' }, 1)
    expect([one.maps['blocked']!.size, other.maps['blocked']!.size]).toEqual([1, 0])
    for (const { programs } of [one, other]) expect(programs['firewall']!.run(PACKET).verdict).toBe('XDP_DROP')
    const dropped = (collection: Collection): unknown => collection.maps['counters']!.get('REASON_MALFORMED')
    expect(dropped(one)).toEqual([{ packets: 1n, bytes: 64n }])
    expect(dropped(other)).toEqual(dropped(one))
  })

  const other = compileModules(buildObject(objectOf('r0 = 0\nexit'), { name: 'main' }).files)
  const stripped = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))
  it.each([
    ['nothing at all', undefined, 'ERR_USAGE', /^instantiate wants \{ runtime, programs \}/],
    ['null', null, 'ERR_USAGE', /^instantiate wants/],
    ['no programs', { runtime: modules.runtime }, 'ERR_USAGE', /^programs: an object is wanted/],
    ['no runtime', { programs: modules.programs }, 'ERR_USAGE', /runtime/],
    ['bytes', { ...modules, runtime: new Uint8Array(8) }, 'ERR_USAGE', /WebAssembly\.Module is wanted/],
    ['a program too few', { ...modules, programs: {} }, 'ERR_USAGE', /program firewall/],
    ['another program', { ...modules, programs: { firewall: other.programs['main'] } }, 'ERR_FORMAT', /another build/],
    ['a module that was stripped', { ...modules, programs: { firewall: stripped } }, 'ERR_FORMAT', /stripped/],
  ])('refuses %s', (_, options, code, message) => {
    expect(() => built.instantiate(options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })

  it('refuses what another version has built', async () => {
    const files = firewall.files.map((file) =>
      file.kind === 'module'
        ? {
            ...file,
            bytes: new TextEncoder().encode(new TextDecoder().decode(file.bytes).replace(/format: \d+/, 'format: 999')),
          }
        : file,
    )
    const future = await loadBuild({ ...firewall, files })
    expect(() => future.instantiate(modules)).toThrow(/built in format 999/)
  })
})

describe('building', () => {
  it('refuses a map that has no store, and names it', () => {
    const spec = parseExample('xdp-firewall/firewall.el.o')
    spec.maps['blocked']!.type = 14
    expect(() => buildObject(spec, { name: 'x' })).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
    expect(() => buildObject(spec, { name: 'x' })).toThrow(/map blocked/)
  })
})
