/**
 * Bytes that arrive in chunks, read as if they were one piece.
 *
 * Records that lie within a chunk are read in place. Only one that crosses a chunk boundary is joined in a buffer of its
 * own, which grows by doubling and never beyond what the reader asked for: so memory is bounded by the largest record
 * that the reader allows, and the work is linear for chunks of any size.
 * @module
 */

export class CaptureInput {
  /** Where to read: `bytes[at, limit)`, valid after {@link has} said so. */
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(this.bytes.buffer)
  at = 0
  limit = 0
  /** Position in the whole stream of `bytes[0]`. */
  private base = 0
  private queued: Uint8Array | undefined
  private queuedAt = 0
  /** Whether `bytes` is a buffer for joining, with room after `limit`. */
  private joining = false

  /** Adds a chunk; the one before must have been read until {@link has} was false. */
  push(chunk: Uint8Array): void {
    this.queued = chunk
    this.queuedAt = 0
  }

  /** Position in the stream of the next byte to read. */
  get position(): number {
    return this.base + this.at
  }

  /** Bytes that are left, when no more chunks come. */
  get left(): number {
    return this.limit - this.at + (this.queued === undefined ? 0 : this.queued.length - this.queuedAt)
  }

  /** Makes the next `length` bytes readable at `at`, if they have arrived. */
  has(length: number): boolean {
    return this.limit - this.at >= length || this.fill(length)
  }

  private fill(length: number): boolean {
    const { queued } = this
    if (queued === undefined) return false
    const left = this.limit - this.at
    if (left === 0) {
      this.base += this.limit - this.queuedAt
      this.open(queued, this.queuedAt, queued.length, false)
      this.queued = undefined
      return this.limit - this.at >= length
    }
    const take = Math.min(length - left, queued.length - this.queuedAt)
    if (!this.joining || this.at + left + take > this.bytes.length) {
      // Doubling, so that a record arriving byte by byte is not copied for each of them.
      const joined = new Uint8Array(Math.min(length, Math.max(2 * left, left + take)))
      joined.set(this.bytes.subarray(this.at, this.limit))
      this.base += this.at
      this.open(joined, 0, left, true)
    }
    this.bytes.set(queued.subarray(this.queuedAt, this.queuedAt + take), this.limit)
    this.limit += take
    this.queuedAt += take
    if (this.queuedAt === queued.length) this.queued = undefined
    return left + take >= length
  }

  private open(bytes: Uint8Array, at: number, limit: number, joining: boolean): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = at
    this.limit = limit
    this.joining = joining
  }
}
