/**
 * How a BTF file is laid out besides what it says, so that it can be written again as it was.
 * @module
 */

export interface BtfForm {
  readonly flags: number
  /** The header from byte 24 or 32 on: fields that this reader does not know. */
  readonly unknownHeader: Uint8Array
  /** The layout section of the 32-byte header, as it is in the file; absent with the 24-byte one. */
  readonly layout: Uint8Array | undefined
  /** Offsets of the sections from the end of the header, and the bytes of the whole file. */
  readonly typesOffset: number
  readonly stringsOffset: number
  readonly layoutOffset: number
  readonly length: number
}
