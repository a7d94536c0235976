/**
 * What compiled programs keep in linear memory for each CPU. Offsets in bytes:
 * ```
 *  0 frame   r10 of the function that runs: one past its frame's last byte
 *  8 result  r0 that crosses from JavaScript as two halves
 * 12 high    its upper half; of a packet load: whether the bytes were there
 * ```
 * Nothing here is trusted: a program that nobody verified may spoil it, and then meets other parts of guest memory only.
 * @module
 */
export const CPU_FRAME = 0
export const CPU_RESULT = 8
export const CPU_HIGH = 12
export const CPU_BLOCK_BYTES = 16
