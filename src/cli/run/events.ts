/**
 * Takes events out of ring buffers and perf event arrays, and decodes them.
 *
 * What an event looks like is known where the map declares a value type. Otherwise the object's BTF is searched for the
 * one structure that has the record's size and a name that ends in `event`, `record`, `sample` or `msg`: a guess, and the
 * event says so. What remains is hexadecimal.
 * @module
 */
import type { Btf } from '../../btf/index.ts'
import type { Collection } from '../../loader/index.ts'
import { type BpfMap, createCodec } from '../../maps/index.ts'
import type { MapSpec, ObjectSpec } from '../../object/index.ts'
import { bytesToHex, isAnybpfError } from '../../util/index.ts'
import type { EventReport } from './report.ts'

const RINGBUF = 27
const PERF_EVENT_ARRAY = 4

const EVENT_NAME = /(?:event|record|sample|msg)(?:_t)?$/i
