/** The protocol of the conformance plug-in. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ConformanceAnswer, conformancePlugin } from '../../src/cli/conformance.ts'
import { assemble, encodeProgram } from '../../src/isa/index.ts'
import { bytesToHex } from '../../src/util/index.ts'

const hex = (text: string, separator = ''): string => bytesToHex(encodeProgram(assemble(text), 'little'), separator)

const ask = (input: string, ...args: string[]): Promise<ConformanceAnswer> => conformancePlugin(args, async () => input)

describe('the conformance plug-in', () => {
  it.each([
    ['r0 = 7\nexit', [], '7\n'],
    ['r0 = -2\nexit', [''], 'fffffffffffffffe\n'],
    ['r0 = *(u8 *)(r1 + 1)\nexit', ['aa BB '], 'bb\n'],
    ['r0 = r2\nexit', ['--engine interpreter', '0102030405060708090a0b'], 'b\n'],
    ['r0 = r2\nexit', ['01 02', '--engine', 'interpreter'], '2\n'],
    ['r0 = r2\nr0 = -r0\nexit', ['01 02', '--engine=jit'], 'fffffffffffffffe\n'],
    ['r1 = -1\ncall 5\nr0 = 2\nexit', ['', ''], '2\n'],
  ])('%s with %j', async (text, args, stdout) => {
    for (const separator of ['', ' ', '\n']) {
      expect(await ask(hex(text, separator), ...args)).toEqual({ status: 0, stdout, stderr: '' })
    }
  })

  it('takes an ELF object, in hexadecimal or as it is', async () => {
    const object = (name: string): Buffer => readFileSync(join(import.meta.dirname, '..', 'objects', name))
    const text = object('text.el.o')
    for (const input of [text.toString('hex'), text.toString('latin1')]) {
      expect(await ask(input, '--elf', '01020304')).toEqual({ status: 0, stdout: '4030202\n', stderr: '' })
    }
    const refused = async (name: string): Promise<string> => (await ask(object(name).toString('hex'), '--elf')).stderr
    expect(await refused('text.eb.o')).toMatch(/ERR_BYTE_ORDER/)
    expect(await refused('calls.el.o')).toMatch(/ERR_LINK/)
    expect(await ask('00', '--elf')).toMatchObject({ status: 3, stderr: expect.stringContaining('ERR_ELF') })
  })

  it.each([
    ['a fault', hex('r1 = 0\n*(u8 *)(r1 + 0) = 1\nexit'), [], 1, 'ERR_FAULT'],
    ['an endless loop', hex('loop:\ngoto loop'), [], 1, 'ERR_BUDGET'],
    ['a program that runs off its end', hex('r0 = 1'), [], 3, 'ERR_DECODE'],
    ['no instruction', 'ff00000000000000', [], 3, 'ERR_DECODE'],
    ['no hexadecimal', 'zz', [], 3, 'ERR_FORMAT'],
    ['memory that is no hexadecimal', hex('exit'), ['0'], 2, 'ERR_FORMAT'],
    ['memory given twice', hex('exit'), ['00', '11'], 2, 'ERR_USAGE'],
    ['an unknown option', hex('exit'), ['--frobnicate'], 2, 'ERR_USAGE'],
    ['an engine that is not there', hex('exit'), ['--engine', 'quantum'], 2, 'ERR_USAGE'],
    ['an engine without a name', hex('exit'), ['--engine'], 2, 'ERR_USAGE'],
  ])('tells of %s in one line', async (_, input, args, status, code) => {
    const answer = await ask(input, ...args)
    expect([answer.status, answer.stdout]).toEqual([status, ''])
    expect(answer.stderr).toMatch(new RegExp(`^conformance-plugin: ${code}: [^\\n]+\\n$`))
  })

  it('explains itself without reading anything', async () => {
    const answer = await conformancePlugin(['--help'], () => Promise.reject(new Error('read')))
    expect([answer.status, answer.stderr]).toEqual([0, ''])
    expect(answer.stdout).toMatch(/^usage: conformance-plugin/)
  })
})
