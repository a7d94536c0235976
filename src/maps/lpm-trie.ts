/**
 * LPM_TRIE: values by prefix. A key is `{ u32 prefixlen, data }`, at most 256 bytes of data, whose bits count from the highest
 * of the first byte. A lookup answers the value of the longest prefix of a key that is there; whoever looks up a prefix gets
 * its own value, or that of the longest one that it is part of.
 *
 * Errors: update -EINVAL for unknown flags and for prefixes longer than the data, -ENOSPC when `max_entries` are there, -EEXIST
 * for BPF_NOEXIST, -ENOENT for BPF_EXIST, -ENOMEM; delete -ENOENT, -EINVAL. Keys come in Linux's order: a prefix after
 * all prefixes that are part of it, otherwise by their bits.
 *
 * An update of a value that is there puts a new value in its place: whoever holds the old one's address goes on seeing that.
 * @see https://docs.kernel.org/bpf/map_lpm_trie.html
 * @module
 */
import { KIND_LPM_TRIE, NODE_PREFIX, TRIE_BLOCK_BYTES } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkTrie } from './parameters.ts'
import { SlabStore } from './slab-store.ts'

class LpmTrieStore extends SlabStore {
  constructor(machine: Machine, parameters: MapParameters, typeId: number) {
    const { runtime } = machine.memory
    const layout = { typeId, kind: KIND_LPM_TRIE, blockBytes: TRIE_BLOCK_BYTES, copies: 1 }
    const operations = {
      lookup: runtime.trieLookup,
      update: runtime.trieUpdate,
      delete: runtime.trieDelete,
      nextKey: runtime.trieNextKey,
      dispose: runtime.trieDispose,
    }
    super(machine, parameters, layout, operations, (address) => {
      runtime.trieInit(address)
      return address
    })
  }

  holds(key: GuestAddress): boolean {
    const value = this.lookup(key, 0)
    const { view } = this.memory
    // The longest prefix of a key is the key itself if it is as long.
    return value !== 0 && view.getUint32(value - this.valueOffset + NODE_PREFIX, true) === view.getUint32(key, true)
  }
}

export const LPM_TRIE: MapTypeDefinition = linuxMapType('lpm_trie', (machine, parameters, { id }) => {
  checkTrie(parameters)
  return new LpmTrieStore(machine, parameters, id)
})
