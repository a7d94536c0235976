/** Helpers that need no packet: what they answer, and how they refuse what a wrong program hands them. */
import { describe, expect, it } from 'vitest'
import { BUILTIN_HELPERS, helpersOf, SocketBuffer, XdpBuffer } from '../../src/helpers/index.ts'
import { BUILTIN_MAP_TYPES } from '../../src/maps/index.ts'
import { extendPlatform, linux, raw } from '../../src/spec/index.ts'
import { bytesToHex } from '../../src/util/index.ts'
import { VirtualEnvironment } from '../../src/vm/index.ts'
import { Harness } from './harness.ts'

const EINVAL = -22n
const ERANGE = -34n
const EFAULT = -14n
const fault = (message: string | RegExp) =>
  expect.objectContaining({ code: 'ERR_FAULT', message: expect.stringMatching(message) as string })

function createMap(harness: Harness, type: string, keySize: number, valueSize: number, maxEntries: number) {
  const store = BUILTIN_MAP_TYPES.find((definition) => definition.spec.name === type)!.create(harness.machine, {
    name: type,
    keySize,
    valueSize,
    maxEntries,
    flags: 0,
    cpus: 1,
  })
  harness.machine.addMap(store)
  return store
}

describe('choosing helpers', () => {
  it('joins functions and a platform by name, under its numbers', () => {
    const platform = extendPlatform(linux('4.1'), {
      helpers: [{ id: 900, name: 'xdp_adjust_head', args: [32, 32], returns: 'i32' }],
    })
    const helpers = helpersOf(platform, BUILTIN_HELPERS)
    expect(helpers.get(900)?.spec.id).toBe(900)
    expect(helpers.has(44)).toBe(false)
    expect(helpers.get(5)?.spec.name).toBe('ktime_get_ns')
    expect(helpersOf(raw, BUILTIN_HELPERS).get(5)?.spec.name).toBe('unwind')
  })

  it('lets the later of two definitions win', () => {
    const spec = linux().helpers.get(7)!
    const helpers = helpersOf(linux(), [...BUILTIN_HELPERS, { spec, call: () => 4 }])
    expect(helpers.get(7)!.call(undefined as never, 0, 0, 0, 0, 0)).toBe(4)
  })

  it('has every built-in definition once', () => {
    const names = BUILTIN_HELPERS.map((helper) => helper.spec.name)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('map helpers', () => {
  it('look up, update and delete', () => {
    const harness = new Harness()
    const { address } = createMap(harness, 'hash', 4, 8, 4)
    const key = harness.placeHex('01000000')
    const value = harness.placeHex('1122334455667788')
    expect(harness.call('map_lookup_elem', address, key)).toBe(0n)
    expect(harness.call('map_update_elem', address, key, value, 2)).toBe(-2n)
    expect(harness.call('map_update_elem', address, key, value, 0)).toBe(0n)
    const found = Number(harness.call('map_lookup_elem', address, key))
    expect(bytesToHex(harness.read(found, 8))).toBe('1122334455667788')
    expect(harness.call('map_delete_elem', address, key)).toBe(0n)
    expect(harness.call('map_delete_elem', address, key)).toBe(-2n)
    expect(harness.call('map_update_elem', address, key, value, 1n << 32n)).toBe(EINVAL)
  })

  it('fault on what is no map, and on keys outside of live objects', () => {
    const harness = new Harness()
    const { address } = createMap(harness, 'hash', 8, 8, 4)
    const short = harness.placeHex('01000000')
    expect(() => harness.call('map_lookup_elem', 0x12345, short)).toThrow(
      fault(/^map_lookup_elem: 0x12345 is not a map$/),
    )
    expect(() => harness.call('map_lookup_elem', address, short)).toThrow(fault(/cannot read 8 bytes/))
    expect(() => harness.call('map_lookup_elem', address, 8)).toThrow(fault(/cannot read/))
    expect(() => harness.call('map_lookup_elem', address, 0xffff_fff0)).toThrow(fault(/cannot read/))
  })

  it('reach the value of another CPU only where there is one', () => {
    const harness = new Harness()
    const { address } = createMap(harness, 'percpu_array', 4, 8, 2)
    const key = harness.placeHex('01000000')
    expect(harness.call('map_lookup_percpu_elem', address, key, 0)).toBe(harness.call('map_lookup_elem', address, key))
    expect(harness.call('map_lookup_percpu_elem', address, key, 1)).toBe(0n)
    expect(harness.call('map_lookup_percpu_elem', address, key, -1)).toBe(0n)
  })

  it('tail_call names a program only from a program array', () => {
    const harness = new Harness()
    const array = createMap(harness, 'array', 4, 4, 1)
    const programs = createMap(harness, 'prog_array', 4, 4, 2)
    expect(harness.call('tail_call', 0, programs.address, 0)).toBe(-1n)
    expect(harness.call('tail_call', 0, programs.address, 7)).toBe(-1n)
    expect(() => harness.call('tail_call', 0, array.address, 0)).toThrow(fault(/holds no programs/))
  })
})

describe('event helpers', () => {
  it('write records to a ring buffer, whole or in two steps', () => {
    const harness = new Harness()
    const { address } = createMap(harness, 'ringbuf', 0, 0, 4096)
    const data = harness.placeHex('0102030405060708')
    expect(harness.call('ringbuf_output', address, data, 8, 0)).toBe(0n)
    const record = Number(harness.call('ringbuf_reserve', address, 16, 0))
    expect(record).not.toBe(0)
    expect(harness.call('ringbuf_query', address, 0)).toBe(40n)
    expect(harness.call('ringbuf_query', address, 1)).toBe(4096n)
    expect(harness.call('ringbuf_query', address, 9)).toBe(0n)
    harness.call('ringbuf_submit', record, 0)
    const dropped = Number(harness.call('ringbuf_reserve', address, 8, 0))
    harness.call('ringbuf_discard', dropped, 0)
    expect(harness.call('ringbuf_query', address, 3)).toBe(56n)
  })

  it('end records of no bytes, as Linux does', () => {
    const harness = new Harness()
    const { address } = createMap(harness, 'ringbuf', 0, 0, 4096)
    harness.call('ringbuf_submit', harness.call('ringbuf_reserve', address, 0, 0), 0)
    harness.call('ringbuf_discard', harness.call('ringbuf_reserve', address, 0, 0), 0)
    expect(harness.call('ringbuf_query', address, 3)).toBe(16n)
    const records = [8, 0xffff_fff8, harness.machine.memory.u8.length + 8]
    for (const wrong of records) expect(() => harness.call('ringbuf_submit', wrong, 0)).toThrow(fault(/no record/))
  })

  it('refuse flags, sizes and records that cannot be', () => {
    const harness = new Harness()
    const { address } = createMap(harness, 'ringbuf', 0, 0, 4096)
    const data = harness.placeHex('0102030405060708')
    expect(harness.call('ringbuf_output', address, data, 8, 4)).toBe(EINVAL)
    expect(harness.call('ringbuf_output', address, data, 1n << 33n, 0)).toBe(-11n)
    expect(harness.call('ringbuf_reserve', address, 8, 1)).toBe(0n)
    expect(harness.call('ringbuf_reserve', address, 1n << 32n, 0)).toBe(0n)
    expect(harness.call('ringbuf_reserve', address, 5000, 0)).toBe(0n)
    expect(() => harness.call('ringbuf_submit', data, 0)).toThrow(fault(/no record of a ring buffer/))
    expect(() => harness.call('ringbuf_output', data, data, 8, 0)).toThrow(fault(/is not a map/))
  })

  it('perf_event_output takes packet bytes only from a packet', () => {
    const harness = new Harness()
    const { address } = createMap(harness, 'perf_event_array', 4, 4, 1)
    const data = harness.placeHex('0102030405060708')
    expect(harness.call('perf_event_output', 0, address, 7, data, 8)).toBe(-7n)
    expect(harness.call('perf_event_output', 0, address, (4n << 32n) | 0xffffffffn, data, 8)).toBe(EINVAL)
  })
})

describe('helpers for text', () => {
  it.each<[string, string, number, bigint, bigint]>([
    ['strtol', '42', 0, 2n, 42n],
    ['strtol', ' \t-0x1F;', 0, 7n, -31n],
    ['strtol', '017', 0, 3n, 15n],
    ['strtol', '0x', 0, 1n, 0n],
    ['strtol', '-9223372036854775808', 10, 20n, -(2n ** 63n)],
    ['strtol', '9223372036854775808', 10, ERANGE, 0n],
    ['strtol', '99999999999999999999', 10, ERANGE, 0n],
    ['strtol', 'x', 0, EINVAL, 0n],
    ['strtol', '-', 0, EINVAL, 0n],
    ['strtol', '12', 7, EINVAL, 0n],
    ['strtoul', 'ffffffffffffffff', 16, 16n, -1n],
    ['strtoul', '-1', 0, EINVAL, 0n],
    ['strtoul', '79', 8, 1n, 7n],
  ])('%s of %s, base %d', (name, text, base, result, value) => {
    const harness = new Harness()
    const out = harness.placeHex('ffffffffffffffff')
    expect(harness.call(name, harness.place(text), text.length, base, out)).toBe(result)
    expect(harness.machine.memory.view.getBigInt64(out, true)).toBe(value)
  })

  it('strncmp compares as far as the size, or the end', () => {
    const harness = new Harness()
    const a = harness.place('abc\0xx')
    const b = harness.place('abc\0yy')
    const c = harness.place('abd\0')
    expect(harness.call('strncmp', a, 6, b)).toBe(0n)
    expect(harness.call('strncmp', a, 4, c)).toBe(-1n)
    expect(harness.call('strncmp', c, 4, a)).toBe(1n)
    expect(harness.call('strncmp', a, 2, c)).toBe(0n)
  })
})

describe('helpers that probe', () => {
  it('copy what is there, and fill with zeros where nothing is', () => {
    const harness = new Harness()
    const from = harness.placeHex('0102030405060708')
    const to = harness.placeHex('ffffffffffffffff')
    expect(harness.call('probe_read_kernel', to, 4, from)).toBe(0n)
    expect(bytesToHex(harness.read(to, 8))).toBe('01020304ffffffff')
    for (const nowhere of [0n, 8n, 0xffff_fffcn, BigInt(from) + (1n << 32n), BigInt(from) + 6n]) {
      expect(harness.call('probe_read', to, 4, from)).toBe(0n)
      expect(harness.call('probe_read', to, 4, nowhere)).toBe(EFAULT)
      expect(bytesToHex(harness.read(to, 8))).toBe('00000000ffffffff')
    }
  })

  it('copy strings, cut and terminated', () => {
    const harness = new Harness()
    const text = harness.place('hello\0')
    const to = harness.place(new Uint8Array(8).fill(0x2e))
    expect(harness.call('probe_read_kernel_str', to, 8, text)).toBe(6n)
    expect(new TextDecoder().decode(harness.read(to, 8))).toBe('hello\0..')
    expect(harness.call('probe_read_user_str', to, 3, text)).toBe(3n)
    expect(new TextDecoder().decode(harness.read(to, 8))).toBe('he\0lo\0..')
    expect(harness.call('probe_read_str', to, 8, harness.place('no end'))).toBe(EFAULT)
    expect(bytesToHex(harness.read(to, 8))).toBe('0000000000000000')
  })
})

describe('helpers about time, task and place', () => {
  const environment = new VirtualEnvironment({
    startNs: 0x1_2345_6789_abcdn,
    task: { pid: 7, tgid: 5, uid: 1000, gid: 100, comm: 'a-rather-long-name' },
  })

  it('answer from the environment', () => {
    const harness = new Harness({ environment })
    expect(harness.call('ktime_get_ns')).toBe(0x1_2345_6789_abcdn)
    expect(harness.call('ktime_get_boot_ns')).toBe(0x1_2345_6789_abcdn)
    expect(harness.call('ktime_get_coarse_ns') % 4_000_000n).toBe(0n)
    expect(harness.call('get_current_pid_tgid')).toBe((5n << 32n) | 7n)
    expect(harness.call('get_current_uid_gid')).toBe((100n << 32n) | 1000n)
    expect(harness.call('get_smp_processor_id')).toBe(0n)
    expect(harness.call('get_numa_node_id')).toBe(0n)
    const numbers = Array.from({ length: 8 }, () => harness.call('get_prandom_u32'))
    expect(new Set(numbers).size).toBe(8)
    for (const number of numbers) expect(number >= 0n && number < 1n << 32n).toBe(true)
  })

  it('name the task, cut, terminated and padded', () => {
    const harness = new Harness({ environment })
    const buffer = harness.place(new Uint8Array(20).fill(0x2e))
    expect(harness.call('get_current_comm', buffer, 20)).toBe(0n)
    expect(new TextDecoder().decode(harness.read(buffer, 20))).toBe('a-rather-long-n\0\0\0\0\0')
    harness.call('get_current_comm', buffer, 4)
    expect(new TextDecoder().decode(harness.read(buffer, 4))).toBe('a-r\0')
    expect(() => harness.call('get_current_comm', buffer, 21)).toThrow(fault(/cannot write 21 bytes/))
  })

  it('do not write to memory that may only be read', () => {
    const harness = new Harness()
    const frozen = harness.place('0123456789abcdef', false)
    expect(() => harness.call('get_current_comm', frozen, 16)).toThrow(fault(/cannot write 16 bytes.*test memory/))
  })
})

describe('loop', () => {
  it('counts the calls it made, and stops at a result that is not zero', () => {
    const harness = new Harness()
    const seen: number[] = []
    harness.cpu.engine = {
      callFunction: (low, high, index, context) => {
        expect([low, high, context]).toEqual([3, 9, 77])
        seen.push(index)
        return index === 4 ? 1 : 0
      },
    }
    expect(harness.call('loop', 3, (9n << 32n) | 3n, 77, 0)).toBe(3n)
    expect(harness.call('loop', 100, (9n << 32n) | 3n, 77, 0)).toBe(5n)
    expect(seen).toEqual([0, 1, 2, 0, 1, 2, 3, 4])
    expect(harness.call('loop', 3, 0, 0, 1)).toBe(EINVAL)
    expect(harness.call('loop', (1 << 23) + 1, 0, 0, 0)).toBe(-7n)
  })
})

describe('helpers of the raw platform', () => {
  it('do what ubpf and rbpf do', () => {
    const harness = new Harness()
    expect(harness.call('gather_bytes', 1, 2, 3, 4, 0x105)).toBe(0x0102030405n)
    expect(harness.call('sqrti', (1n << 62n) + 5n)).toBe(1n << 31n)
    expect(harness.call('sqrti', 2n ** 64n - 1n)).toBe(2n ** 32n - 1n)
    const text = harness.place('abc\0')
    expect(harness.call('strcmp_ext', text, harness.place('abc\0'))).toBe(0n)
    expect(harness.call('strcmp_ext', text, harness.place('abd\0'))).toBe(-1n)
    harness.call('memfrob', text, 3)
    expect(bytesToHex(harness.read(text, 4))).toBe('4b484900')
    expect(harness.call('unwind', 1n << 40n)).toBe(1n << 40n)
  })
})

describe('packet helpers', () => {
  it('redirect, by themselves or through neighbours and peers', () => {
    const harness = new Harness()
    const skb = new SocketBuffer(harness.machine.memory, harness.machine.regions)
    const xdp = new XdpBuffer(harness.machine.memory, harness.machine.regions)
    const neighbour = harness.place(new Uint8Array(20))
    harness.cpu.context = skb
    expect(harness.call('redirect', 5, 1)).toBe(7n)
    expect(skb.redirect).toEqual({ ifindex: 5, flags: 1 })
    expect(harness.call('redirect', 5, 2)).toBe(2n)
    expect(harness.call('redirect_neigh', 6, neighbour, 20, 0)).toBe(7n)
    expect(skb.redirect).toEqual({ ifindex: 6, flags: 0, by: 'neighbour' })
    expect(harness.call('redirect_neigh', 6, neighbour, 19, 0)).toBe(2n)
    expect(harness.call('redirect_neigh', 6, 0, 0, 1)).toBe(2n)
    expect(harness.call('redirect_peer', 7, 0)).toBe(7n)
    expect(skb.redirect).toEqual({ ifindex: 7, flags: 0, by: 'peer' })
    expect(harness.call('redirect_peer', 7, 1n << 32n)).toBe(2n)
    harness.cpu.context = xdp
    expect(harness.call('redirect', 8, 0)).toBe(4n)
    expect(xdp.redirect).toEqual({ ifindex: 8, flags: 0 })
    expect(harness.call('redirect', 8, 1)).toBe(0n)
  })

  it.each(['xdp_adjust_head', 'skb_pull_data', 'redirect', 'skb_vlan_pop'])('%s faults without a packet', (name) => {
    expect(() => new Harness().call(name, 0, 0, 0)).toThrow(fault(new RegExp(`^${name}: the context is no`)))
  })
})
