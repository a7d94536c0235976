/**
 * Reads tables of helpers whose rows hold prototypes in C: what a prototype says of widths is derived here, once.
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import type { ArgWidth, HelperSpec, ReturnWidth } from './types.ts'

const ROW = /^(?<id>\d+) (?<since>[\d.]+|-)(?<gpl> gpl)? \| (?<prototype>[^|]+) \| (?<summary>[^|]+)$/
const PROTOTYPE = /^(?<result>.*[ *])(?<name>\w+)\((?<args>.*)\)$/

/** Pointers are 32 bits wide in guest memory, and `long` results are 0, a small number or -errno. */
const RETURN_WIDTHS: Readonly<Record<string, ReturnWidth>> = {
  void: 'void',
  int: 'i32',
  long: 'i32',
  u32: 'u32',
  u64: 'u64',
  s64: 'u64',
}

/** Wide besides 64-bit integers: addresses of code, and addresses that may lie outside of guest memory. */
const WIDE = /^(?:u64|s64) \w+$|\b(?:callback_fn|unsafe_ptr|user_ptr)$/

/** Three values follow the format of `trace_printk`, in the registers that are left. */
const VARIADIC: readonly ArgWidth[] = [64, 64, 64]

function returnWidth(result: string): ReturnWidth {
  const width = result.includes('*') ? 'u32' : RETURN_WIDTHS[result]
  if (width === undefined) throw new AnybpfError('ERR_FORMAT', `unknown type of result in a prototype: ${result}`)
  return width
}

function argWidths(args: string): ArgWidth[] {
  if (args === 'void' || args === '') return []
  return args.split(', ').flatMap((arg): readonly ArgWidth[] => {
    if (arg === '...') return VARIADIC
    if (WIDE.test(arg)) return [64]
    return [arg.includes('*') ? 'pointer' : 32]
  })
}

/** What a C prototype says: `long trace_printk(const char *fmt, u32 fmt_size, ...)`. Throws ERR_FORMAT. */
export function parsePrototype(prototype: string): Pick<HelperSpec, 'name' | 'args' | 'returns' | 'prototype'> {
  const parts = PROTOTYPE.exec(prototype)?.groups
  if (parts === undefined) throw new AnybpfError('ERR_FORMAT', `not a prototype: ${prototype}`)
  return {
    name: parts['name']!,
    args: argWidths(parts['args']!),
    returns: returnWidth(parts['result']!.trim()),
    prototype,
  }
}

/**
 * A table of text, a helper a line: `id since [gpl] | prototype | summary`, where since is a version or `-`. Throws
 * ERR_FORMAT.
 */
export function parseHelperTable(table: string): ReadonlyMap<number, HelperSpec> {
  const helpers = new Map<number, HelperSpec>()
  for (const line of table.trim().split('\n')) {
    const row = ROW.exec(line)?.groups
    if (row === undefined) throw new AnybpfError('ERR_FORMAT', `not a row of a helper table: ${line}`)
    const spec = parsePrototype(row['prototype']!)
    helpers.set(Number(row['id']), {
      id: Number(row['id']),
      ...spec,
      ...(spec.name === 'tail_call' && { tailCall: true }),
      ...(row['gpl'] !== undefined && { gplOnly: true }),
      ...(row['since'] !== '-' && { since: row['since']! }),
      summary: row['summary']!,
    })
  }
  return helpers
}
