import { spawn } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutputFile, readBytes, readChunks, writeBytes } from '../../src/node/index.ts'
import { encodeUtf8 } from '../../src/util/index.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'anybpf-node-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield encodeUtf8(text)
}

describe('reading', () => {
  it('gives the bytes of a file that is larger than one chunk', async () => {
    const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 7) & 255)
    writeFileSync(join(directory, 'big'), bytes)
    expect(Buffer.from(bytes).equals(await readBytes(join(directory, 'big')))).toBe(true)
    const chunks: Uint8Array[] = []
    for await (const chunk of readChunks(join(directory, 'big'))) chunks.push(chunk)
    expect(chunks.length).toBeGreaterThan(1)
    expect(Buffer.concat(chunks).equals(Buffer.from(bytes))).toBe(true)
  })

  it('takes - as standard input', async () => {
    expect(await readBytes('-', { stdin: chunksOf('ab', '', 'c') })).toEqual(encodeUtf8('abc'))
    expect(await readBytes('-', { stdin: chunksOf() })).toEqual(new Uint8Array(0))
  })

  it('stops at the limit', async () => {
    const endless = async function* () {
      for (;;) yield new Uint8Array(1000)
    }
    await expect(readBytes('-', { stdin: endless(), limit: 100_000 })).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await expect(readBytes('-', { stdin: chunksOf('12345'), limit: 5 })).resolves.toHaveLength(5)
    await expect(readBytes('-', { stdin: chunksOf('123456'), limit: 5 })).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  })

  it('tells what the operating system refuses in its own words, with a code', async () => {
    await expect(readBytes(join(directory, 'none'))).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
      message: 'no such file or directory',
      details: { errno: 'ENOENT' },
    })
    await expect(readBytes(directory)).rejects.toMatchObject({ code: 'ERR_IO', message: 'is a directory' })
    await expect(readBytes(join(directory, 'a\0b'))).rejects.toMatchObject({ code: 'ERR_IO' })
  })
})

describe('writing', () => {
  it('shows a file only as a whole', async () => {
    const path = join(directory, 'out')
    writeFileSync(path, 'old')
    const output = await createOutputFile(path)
    await output.write(encodeUtf8('new '))
    expect(readFileSync(path, 'utf8')).toBe('old')
    await output.write(encodeUtf8('text'))
    await output.commit()
    expect(readFileSync(path, 'utf8')).toBe('new text')
    await output.discard()
    expect(readdirSync(directory)).toEqual(['out'])
  })

  it('leaves nothing behind when it is discarded', async () => {
    const output = await createOutputFile(join(directory, 'out'))
    await output.write(encodeUtf8('half'))
    await output.discard()
    await output.commit()
    expect(readdirSync(directory)).toEqual([])
  })

  it('keeps the mode of the file that it replaces, and writes through a symbolic link', async () => {
    const path = join(directory, 'real')
    writeFileSync(path, 'old')
    chmodSync(path, 0o640)
    symlinkSync(path, join(directory, 'link'))
    await writeBytes(join(directory, 'link'), encodeUtf8('new'))
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true)
  })

  it('writes to a device in place', async () => {
    await writeBytes('/dev/null', encodeUtf8('gone'))
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  })

  it('refuses a directory, and a place that does not exist', async () => {
    await expect(writeBytes(directory, new Uint8Array(1))).rejects.toMatchObject({ code: 'ERR_IO' })
    await expect(writeBytes(join(directory, 'no', 'out'), new Uint8Array(1))).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    })
  })

  it('removes the temporary file when a signal ends the process', async () => {
    const module = pathToFileURL(join(import.meta.dirname, '../../src/node/files.ts')).href
    const script = `
      const { createOutputFile } = await import(${JSON.stringify(module)})
      const output = await createOutputFile(${JSON.stringify(join(directory, 'out'))})
      await output.write(new Uint8Array(10))
      console.log('ready')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(readdirSync(directory)).toHaveLength(1)
    const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
    child.kill('SIGTERM')
    expect(await ended).toBe('SIGTERM')
    expect(readdirSync(directory)).toEqual([])
  })
})
