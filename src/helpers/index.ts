/**
 * What helper functions do. A helper is data plus a function; the built-in ones are listed here, and one's own join them.
 * @module
 */
import type { HelperDefinition } from '../vm/machine.ts'
import { CSUM_HELPERS } from './csum.ts'
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
  ...RAW_HELPERS,
  ...MAP_HELPERS,
  ...TAIL_CALL_HELPERS,
  ...TIME_HELPERS,
  ...TASK_HELPERS,
  ...PRINT_HELPERS,
  ...EVENT_HELPERS,
  ...PROBE_HELPERS,
  ...STRING_HELPERS,
  ...LOOP_HELPERS,
  ...XDP_HELPERS,
  ...SKB_HELPERS,
  ...VLAN_HELPERS,
  ...HASH_HELPERS,
  ...CSUM_HELPERS,
  ...REDIRECT_HELPERS,
]
