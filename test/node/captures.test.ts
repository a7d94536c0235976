import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CapturedPacket, parseCapture, writeCapture } from '../../src/net/index.ts'
import { CaptureFile, captureFormatOf, loadObjectFile, openCapture } from '../../src/node/index.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'anybpf-capture-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

const packetsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    data: Uint8Array.from({ length: 60 + (i % 900) }, (_, at) => (i + at) & 255),
    timestampNs: BigInt(i) * 1_000_001n,
  }))

describe('captures in files', () => {
  it('are read in batches, and written as they were', async () => {
    const given = packetsOf(2000)
    writeFileSync(join(directory, 'in.pcapng'), writeCapture(given, { format: 'pcapng', nanoseconds: true }))
    const read: CapturedPacket[] = []
    let batches = 0
    for await (const batch of openCapture(join(directory, 'in.pcapng'))) {
      read.push(...batch)
      batches++
    }
    expect(batches).toBeGreaterThan(1)
    expect(batches).toBeLessThan(100)

    const path = join(directory, 'out.pcap')
    const output = await CaptureFile.create(path, { nanoseconds: true })
    for (const packet of read) {
      output.add(packet)
      await output.flush()
    }
    expect(existsSync(path)).toBe(false)
    await output.commit()
    const written = parseCapture(readFileSync(path))
    expect(written.format).toBe('pcap')
    expect(written.packets.length).toBe(2000)
    const same = written.packets.every(
      ({ data, timestampNs }, i) => Buffer.from(data).equals(given[i]!.data) && timestampNs === given[i]!.timestampNs,
    )
    expect(same).toBe(true)
  })

  it('have the format that their name says', () => {
    expect(['a.pcap', 'a.PCAPNG', 'pcapng', '-', 'a.cap'].map(captureFormatOf)).toEqual([
      'pcap',
      'pcapng',
      'pcap',
      'pcap',
      'pcap',
    ])
  })

  it('leave nothing behind when they are discarded', async () => {
    const path = join(directory, 'out.pcap')
    const output = await CaptureFile.create(path)
    output.add(packetsOf(1)[0]!)
    await output.discard()
    expect(existsSync(path)).toBe(false)
  })

  it('tell a missing file from one that is no capture', async () => {
    await expect(openCapture(join(directory, 'none')).next()).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
    writeFileSync(join(directory, 'text'), 'no capture at all')
    await expect(openCapture(join(directory, 'text')).next()).rejects.toMatchObject({ code: 'ERR_CAPTURE' })
  })
})

describe('object files', () => {
  it('are read by name', async () => {
    expect(Object.keys((await loadObjectFile('test/objects/maps.el.o')).programs)).toEqual(['pass', 'count'])
    await expect(loadObjectFile('package.json')).rejects.toMatchObject({ code: 'ERR_ELF' })
    await expect(loadObjectFile('test/objects/maps.el.o', { limit: 100 })).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  })
})
