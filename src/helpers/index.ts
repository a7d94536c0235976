/**
 * What helper functions do. A helper is data plus a function; the built-in ones are listed here, and one's own join them.
 * @module
 */
import { findLinuxHelper } from '../spec/helpers-linux.ts'
import { raw } from '../spec/platforms/raw.ts'
import type { HelperSpec } from '../spec/types.ts'
import { AnybpfError } from '../util/errors.ts'
import type { HelperDefinition } from '../vm/machine.ts'
import { CSUM_HELPERS } from './csum.ts'
import type { NamedHelper } from './definition.ts'
import { EVENT_HELPERS } from './events.ts'
import { HASH_HELPERS } from './hash.ts'
import { LOOP_HELPERS } from './loops.ts'
import { MAP_HELPERS } from './maps.ts'
import { PRINT_HELPERS } from './print.ts'
import { PROBE_HELPERS } from './probe.ts'
import { RAW_HELPERS } from './raw.ts'
import { REDIRECT_HELPERS } from './redirect.ts'
import { SKB_HELPERS } from './skb.ts'
import { STRING_HELPERS } from './strings.ts'
import { TAIL_CALL_HELPERS } from './tail-call.ts'
import { TASK_HELPERS } from './task.ts'
import { TIME_HELPERS } from './time.ts'
import { VLAN_HELPERS } from './vlan.ts'
import { XDP_HELPERS } from './xdp.ts'

export { helperFault, helpersOf } from './definition.ts'
export { mapArgument, readable, readableBytes, writable, writableBytes } from './memory.ts'
export type { RedirectTarget } from './redirect.ts'
export { SocketBuffer } from './socket-buffer.ts'
export { XdpBuffer } from './xdp-buffer.ts'

/** All helpers that are implemented, of all platforms; `helpersOf` chooses a platform's. */
export const BUILTIN_HELPERS: readonly HelperDefinition[] = [
  ...RAW_HELPERS.map((helper) => definition(helper, rawHelper(helper.name))),
  ...[
    ...MAP_HELPERS,
    ...TAIL_CALL_HELPERS,
    ...TIME_HELPERS,
    ...TASK_HELPERS,
    ...EVENT_HELPERS,
    ...STRING_HELPERS,
    ...LOOP_HELPERS,
    ...XDP_HELPERS,
    ...SKB_HELPERS,
    ...VLAN_HELPERS,
    ...HASH_HELPERS,
    ...CSUM_HELPERS,
    ...REDIRECT_HELPERS,
  ].map((helper): HelperDefinition => ({ ...definition(helper, findLinuxHelper(helper.name)), reads: 'arguments' })),
  // They follow addresses that are no pointers for the verifier.
  ...[...PRINT_HELPERS, ...PROBE_HELPERS].map((helper) => definition(helper, findLinuxHelper(helper.name))),
]

function rawHelper(name: string): HelperSpec | undefined {
  return [...raw.helpers.values()].find((helper) => helper.name === name)
}

/** A row of a platform and a function, joined by name. */
function definition({ name, call, operation }: NamedHelper, spec: HelperSpec | undefined): HelperDefinition {
  if (spec === undefined) throw new AnybpfError('ERR_INTERNAL', `no platform has a helper ${name}`)
  return { spec, call, ...(operation !== undefined && { operation }) }
}
