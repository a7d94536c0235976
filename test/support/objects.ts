/**
 * The committed objects under `test/objects`, compiled from the C beside them by `scripts/build-objects.sh`.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const OBJECT_NAMES = [
  'arena',
  'calls',
  'externs',
  'hidden',
  'iproute2',
  'legacy',
  'maps',
  'struct-ops',
  'text',
  'types',
] as const
export type ObjectName = (typeof OBJECT_NAMES)[number]

/** `el` is little-endian, `eb` big-endian. */
export const ORDERS = ['el', 'eb'] as const
export type Order = (typeof ORDERS)[number]

export function objectPath(name: ObjectName, order: Order): string {
  return join(import.meta.dirname, '..', 'objects', `${name}.${order}.o`)
}

export function readObject(name: ObjectName, order: Order): Uint8Array {
  return new Uint8Array(readFileSync(objectPath(name, order)))
}

/** The corpus of real objects, where there is one. */
export function corpusObjects(): string | undefined {
  const root = process.env['ANYBPF_CORPUS'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'corpus')
  const path = join(root, 'objects')
  return existsSync(join(path, 'verdicts.json')) ? path : undefined
}
