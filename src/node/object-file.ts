/**
 * BPF object files by name.
 * @module
 */
import { type ObjectSpec, parseObject } from '../object/index.ts'
import { type ReadOptions, readBytes } from './files.ts'

/**
 * Reads an object file (or standard input, for `-`) as data. Throws what `parseObject` throws, `ERR_NOT_FOUND` or `ERR_IO`
 * where the file cannot be read, `ERR_LIMIT` where it is too large.
 */
export async function loadObjectFile(path: string, options: ReadOptions = {}): Promise<ObjectSpec> {
  return parseObject(await readBytes(path, options))
}
