import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cli, errorLine } from '../support/cli.ts'

const FIREWALL = 'examples/xdp-firewall/firewall.el.o'
const REJECTED = 'examples/rejections/map-null-check.el.o'

const directory = mkdtempSync(join(tmpdir(), 'anybpf-verify-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const file = (name: string): string => join(directory, name)

async function json(argv: readonly string[], stdin?: string) {
  const result = await cli(['verify', ...argv, '--json'], stdin === undefined ? {} : { stdin })
  return { ...result, document: JSON.parse(result.stdout) }
}

describe('verify', () => {
  it('accepts with status 0 and a row per program', async () => {
    const { status, stdout, stderr } = await cli(['verify', FIREWALL])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^linux 6\.18, for a trusted author\nverdict {2}program +type +insns processed +ms\n/)
    expect(stdout).toMatch(/^accept {3}firewall +xdp +[\d,]+ +[\d.]+$/m)
  })

  it('rejects with status 1, and explains', async () => {
    const { status, stdout } = await cli(['verify', REJECTED])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^reject {3}count_packets +xdp /m)
    expect(stdout).toMatch(/^rejected \[possibly_null\] `count` \(r0\) may be NULL/m)
    expect(stdout).toMatch(/^ {2}--> map-null-check\.c:\d+, insn \d+$/m)
    expect(stdout).toMatch(/^fix: /m)
    expect(stdout).toMatch(/^Linux: R0 invalid mem access 'map_value_or_null'$/m)
  })

  it('prints Linux’s log, or nothing but the verdict', async () => {
    const log = await cli(['verify', REJECTED, '--log', 'linux'])
    expect(log.stdout).toMatch(
      /R0 invalid mem access 'map_value_or_null'\nverification time \d+ usec\nstack depth \d+\nprocessed \d+ insns \(limit 1000000\) .* mark_read 0\n$/,
    )
    expect(log.stdout).not.toContain('fix:')
    const all = await cli(['verify', FIREWALL, '--log', 'linux', '--log-level', '2'])
    expect(all.stdout).toMatch(/^func#0 @0$/m)
    expect(all.stdout).toMatch(/^from \d+ to \d+: /m)
    const none = await cli(['verify', REJECTED, '--log', 'none'])
    expect(none.stdout.trimEnd().split('\n')).toHaveLength(3)
  })

  it('has every key that is promised', async () => {
    const { status, document } = await json([REJECTED])
    expect(status).toBe(1)
    expect(Object.keys(document)).toEqual(['programs'])
    const [program] = document.programs
    expect(Object.keys(program)).toEqual([
      'file',
      'name',
      'section',
      'type',
      'platform',
      'author',
      'verdict',
      'error',
      'stats',
    ])
    expect(program).toMatchObject({ file: REJECTED, name: 'count_packets', section: 'xdp', type: 'xdp' })
    expect(program).toMatchObject({ platform: 'linux 6.18', author: 'trusted', verdict: 'reject' })
    const { error, stats } = program
    expect(error).toMatchObject({ code: 'possibly_null', category: 'register' })
    for (const key of ['reason', 'message', 'insn', 'text', 'source', 'path', 'value', 'fix']) {
      expect(error).toHaveProperty(key)
    }
    expect(error.source).toMatchObject({ text: '\t__sync_fetch_and_add(count, 1);' })
    for (const key of ['insnsProcessed', 'states', 'peakStates', 'ms']) expect(stats[key]).toBeGreaterThanOrEqual(0)
    expect((await json([FIREWALL])).document.programs[0]).not.toHaveProperty('error')
  })

  it('shows statistics', async () => {
    const { stdout } = await cli(['verify', FIREWALL, '--stats'])
    expect(stdout).toMatch(/ms +states +peak +per insn +stack$/m)
    expect(stdout).toMatch(/^accept +firewall +xdp +[\d,]+ +[\d.]+ +\d+ +\d+ +\d+ +[\d+]+$/m)
  })

  it('judges several files, and goes on where one is no object', async () => {
    const both = await cli(['verify', FIREWALL, REJECTED, '--log', 'none'])
    expect(both.status).toBe(1)
    expect(both.stdout).toMatch(/^examples\/xdp-firewall\/firewall\.el\.o: linux 6\.18/m)
    writeFileSync(file('bad.o'), 'no object')
    const bad = await cli(['verify', file('bad.o'), FIREWALL])
    expect(bad.status).toBe(3)
    expect(bad.stderr).toMatch(errorLine('ERR_ELF'))
    expect(bad.stdout).toMatch(/^accept {3}firewall/m)
    const { status, document } = await json([file('bad.o'), FIREWALL])
    expect(status).toBe(3)
    expect(document.programs).toHaveLength(1)
    expect(document.errors).toMatchObject([{ code: 'ERR_ELF', subject: file('bad.o') }])
    expect((await cli(['verify', file('bad.o')])).status).toBe(3)
  })

  it('judges for untrusted authors', async () => {
    const leak = 'r0 = r1\nexit\n'
    const of = async (author: string) =>
      (await json(['-', '--type', 'socket_filter', '--author', author], leak)).document.programs[0]
    expect(await of('trusted')).toMatchObject({ verdict: 'accept', author: 'trusted' })
    expect(await of('untrusted')).toMatchObject({ verdict: 'reject', error: { code: 'pointer_leak' } })
  })

  it('judges for an older kernel', async () => {
    // bpf_loop came with 5.17.
    const source = 'r1 = 1\ncall get_prandom_u32\nr0 = 0\nexit\n'
    const old = await json(['-', '--type', 'xdp', '--platform', 'linux:5.4'], source)
    expect(old.document.programs[0]).toMatchObject({ platform: 'linux 5.4', verdict: 'accept' })
    const helper = 'call ktime_get_coarse_ns\nr0 = 0\nexit\n'
    expect((await json(['-', '--type', 'xdp'], helper)).status).toBe(0)
    expect((await cli(['verify', '-', '--type', 'xdp', '--platform', 'linux:5.4'], { stdin: helper })).status).not.toBe(
      0,
    )
  })

  it('takes a platform as reports write it, and knows from which version to which', async () => {
    for (const platform of ['linux:6.1', 'linux 6.1']) {
      const { status, document } = await json([FIREWALL, '--platform', platform])
      expect([status, document.programs[0].platform]).toEqual([0, 'linux 6.1'])
    }
    for (const platform of ['linux:6.99', 'linux:99.1', 'linux 3.18', 'linux:6', 'linux:99', 'linux:']) {
      const { status, stderr } = await cli(['verify', FIREWALL, '--platform', platform])
      expect(stderr).toMatch(errorLine('ERR_USAGE'))
      expect(stderr, platform).toContain('from 3.19 to 6.18')
      expect(status).toBe(2)
    }
  })

  it('says what is wrong with the command before it prints any verdict', async () => {
    for (const options of [
      ['-p', 'firewall'],
      ['--global', 'threshold=5'],
    ]) {
      for (const more of [[], ['--json']]) {
        const { status, stdout, stderr } = await cli(['verify', FIREWALL, REJECTED, ...options, ...more])
        expect(stderr).toMatch(errorLine('ERR_NOT_FOUND'))
        expect(stderr).toContain(REJECTED)
        expect(stdout).not.toContain('accept')
        expect(status).toBe(2)
      }
      expect((await cli(['verify', FIREWALL, FIREWALL, ...options, '--log', 'none'])).status).toBe(0)
    }
    // A file that cannot be read concerns itself alone.
    const { status, stdout } = await cli(['verify', '/no/such/file', FIREWALL, '-p', 'firewall'])
    expect(status).toBe(3)
    expect(stdout).toMatch(/^accept {3}firewall/m)
  })

  it('judges what cannot be linked as run does', async () => {
    // An object without BTF, as clang makes it without -g: the section of its maps cannot be read.
    const bytes = readFileSync(REJECTED)
    for (const name of ['.BTF\0', '.rel.BTF\0', '.BTF.ext\0']) {
      const at = bytes.indexOf(name)
      if (at > 0) bytes.write('x', at + name.indexOf('B'), 'latin1')
    }
    writeFileSync(file('nog.o'), bytes)
    const { status, document } = await json([file('nog.o')])
    expect(status).toBe(1)
    expect(document.programs[0].error).toMatchObject({ code: 'invalid_program' })
    expect(document.programs[0].error.reason).toMatch(/compile it with clang -g/)
    const run = await cli(['run', file('nog.o')])
    expect(run.status).toBe(1)
    expect(run.stderr).toMatch(errorLine('ERR_LINK'))
    expect(run.stderr).toMatch(/compile it with clang -g/)
  })

  it('takes instruction bytes, and says of those that are no instruction what Linux says', async () => {
    const bytes = 'b7000000 00000000 df000000 00000000 95000000 00000000'
    const { document, status } = await json(['-', '--raw', '--type', 'xdp'], bytes)
    expect(status).toBe(1)
    expect(document.programs[0].error).toMatchObject({ code: 'invalid_instruction', message: 'unknown opcode df' })
    expect((await json(['-', '--raw'], 'b700000000000000 9500000000000000')).status).toBe(0)
  })

  it('gives up at the limits that are given', async () => {
    const forever = 'r6 = 0\nagain: r6 += 1\nif r6 != 900000 goto again\nr0 = 0\nexit\n'
    const { document } = await json(['-', '--type', 'xdp', '--insn-limit', '1000'], forever)
    expect(document.programs[0]).toMatchObject({
      error: { code: 'too_many_instructions' },
      stats: { insnsProcessed: 1001 },
    })
    const started = performance.now()
    const timed = await json(['-', '--type', 'xdp', '--time-limit', '1'], forever)
    expect(timed.document.programs[0].error.code).toBe('time_limit')
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it('tells the type of a program that its section does not tell, or is told', async () => {
    const untyped = 'test/objects/text.el.o'
    const { status, document } = await json([untyped])
    const unknown = document.programs.filter((one: { type: string }) => one.type === 'unspec')
    if (unknown.length > 0) {
      expect(status).toBe(1)
      expect(unknown[0].error.reason).toMatch(/does not tell what type of program it is: give it with --type/)
    }
    const typed = await json([untyped, '--type', 'xdp'])
    for (const program of typed.document.programs) expect(program.type).toBe('xdp')
  })

  it('refuses what makes no sense', async () => {
    const refused = async (argv: readonly string[], status: number, code: string, words: RegExp): Promise<void> => {
      const result = await cli(['verify', ...argv], { stdin: 'r0 = 0\nexit\n' })
      expect(result.stderr).toMatch(errorLine(code))
      expect(result.stderr).toMatch(words)
      expect(result.status).toBe(status)
    }
    await refused([], 2, 'ERR_USAGE', /file/)
    await refused(['-', '--platform', 'plan9'], 2, 'ERR_USAGE', /there are linux, linux:VERSION and raw/)
    await refused(['-', '--platform', 'linux:six'], 2, 'ERR_USAGE', /kernel version/)
    await refused(['-', '--type', 'kangaroo'], 2, 'ERR_USAGE', /raw has raw|has .*xdp/)
    await refused([FIREWALL, '--log-level', '2'], 2, 'ERR_USAGE', /--log-level needs --log linux/)
    await refused(['-', '--program', 'x'], 2, 'ERR_USAGE', /for objects/)
    await refused([FIREWALL, '--program', 'x'], 2, 'ERR_NOT_FOUND', /it has: firewall/)
    await refused([FIREWALL, '--btf', '/no/such/file'], 3, 'ERR_NOT_FOUND', /\/no\/such\/file/)
    await refused(['/no/such/file'], 3, 'ERR_NOT_FOUND', /\/no\/such\/file/)
  })

  it('shows no control characters of a hostile object', async () => {
    const bytes = readFileSync(REJECTED)
    const at = bytes.indexOf('__sync_fetch_and_add(count, 1);')
    bytes.write('\x1b[31m', at, 'latin1')
    writeFileSync(file('hostile.o'), bytes)
    const { stdout } = await cli(['verify', file('hostile.o')])
    expect(stdout).toContain('\\u001b')
    expect(stdout).not.toContain('\x1b')
  })
})

describe('disasm --verified', () => {
  it('says what is known at each instruction, what is never reached, and where the program is rejected', async () => {
    const { status, stdout } = await cli(['disasm', 'examples/rejections/off-by-one.el.o', '--verified'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^ +10: r6 <<= 3 +; r6: 0\.\.8$/m)
    expect(stdout).toMatch(/^ +13: r1 \+= 1 +; never reached$/m)
    expect(stdout).toMatch(/^ {2}\^ rejected: /m)
  })

  it('verifies for the author, platform and type that are given', async () => {
    const leak = 'r0 = r1\nexit\n'
    const of = async (...options: string[]): Promise<string> =>
      (await cli(['disasm', '-', '--verified', ...options], { stdin: leak })).stdout
    expect(await of('--type', 'socket_filter')).not.toContain('rejected')
    expect(await of('--type', 'socket_filter', '--author', 'untrusted')).toContain('^ rejected: an address')
    expect(await of('--platform', 'linux', '--type', 'xdp')).toContain('r1: the context')
    const object = await cli(['disasm', REJECTED, '--verified', '--type', 'socket_filter', '--platform', 'linux 4.19'])
    expect(object.stdout).toContain('^ rejected: ')
    expect(object.status).toBe(0)
  })

  it('refuses options that say how to verify where nothing is verified', async () => {
    for (const [option, value] of [
      ['--platform', 'linux'],
      ['--author', 'trusted'],
      ['--type', 'xdp'],
    ] as const) {
      const { status, stderr } = await cli(['disasm', FIREWALL, option, value])
      expect(stderr).toMatch(errorLine('ERR_USAGE'))
      expect(stderr).toContain(`${option} needs --verified`)
      expect(status).toBe(2)
    }
    const kangaroo = await cli(['disasm', FIREWALL, '--verified', '--type', 'kangaroo'])
    expect(kangaroo.stderr).toMatch(/--type kangaroo: linux 6\.18 has /)
    expect(kangaroo.status).toBe(2)
  })

  it('gives the same as JSON', async () => {
    const { stdout } = await cli(['disasm', FIREWALL, '--verified', '--json'])
    const { functions } = JSON.parse(stdout)
    const known = functions[0].insns.map((insn: { verified?: { visits: number } }) => insn.verified)
    expect(known[0]).toMatchObject({ registers: { r1: 'the context' } })
    expect(known.filter((one: { visits: number }) => one.visits > 0).length).toBeGreaterThan(100)
  })
})
