/**
 * Packet captures in files and on standard streams.
 * @module
 */
import {
  type CapturedPacket,
  type CaptureFormat,
  type CaptureReadOptions,
  createPcapWriter,
  type PacketToWrite,
  type PcapWriter,
  type PcapWriterOptions,
  readCaptureBatches,
} from '../net/index.ts'
import { createOutputFile, type OutputFile, type ReadOptions, readChunks } from './files.ts'

/**
 * The packets of a capture, in batches, as the file (or standard input, for `-`) is read; memory does not grow with the
 * capture. Throws `ERR_CAPTURE` for what is no capture, `ERR_NOT_FOUND` or `ERR_IO` where the file cannot be read.
 */
export function openCapture(
  path: string,
  options: CaptureReadOptions & Pick<ReadOptions, 'stdin'> = {},
): AsyncGenerator<CapturedPacket[], void, undefined> {
  return readCaptureBatches(readChunks(path, options), options)
}

/** pcapng for a name that ends so, otherwise pcap. */
export function captureFormatOf(path: string): CaptureFormat {
  return /\.(?:pcapng|ntar)$/i.test(path) ? 'pcapng' : 'pcap'
}

const FLUSH_AT = 1 << 18

/** A capture being written: it appears under its name as a whole, at `commit` (see `createOutputFile`). */
export class CaptureFile {
  private readonly file: OutputFile
  private readonly writer: PcapWriter
  private pending: Uint8Array[]
  private pendingBytes = 0

  private constructor(file: OutputFile, writer: PcapWriter) {
    this.file = file
    this.writer = writer
    this.pending = [writer.header()]
  }

  /** `-` is standard output. The format is by the name unless the options say it. */
  static async create(path: string, options: PcapWriterOptions = {}): Promise<CaptureFile> {
    const writer = createPcapWriter({ format: captureFormatOf(path), ...options })
    return new CaptureFile(await createOutputFile(path), writer)
  }

  /** Takes a packet; the bytes are copied. Await `flush` now and then, so that they do not pile up. */
  add(packet: PacketToWrite): void {
    const chunk = this.writer.packet(packet)
    this.pending.push(chunk)
    this.pendingBytes += chunk.length
  }

  /** Writes what was added, if it is worth a write. */
  async flush(): Promise<void> {
    if (this.pendingBytes >= FLUSH_AT) await this.writePending()
  }

  async commit(): Promise<void> {
    await this.writePending()
    await this.file.commit()
  }

  async discard(): Promise<void> {
    await this.file.discard()
  }

  private async writePending(): Promise<void> {
    const chunks = this.pending
    this.pending = []
    this.pendingBytes = 0
    await this.file.write(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  }
}
