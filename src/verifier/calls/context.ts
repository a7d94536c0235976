/**
 * What the checks of one call tell each other: filled argument by argument, read when the call takes effect.
 * @module
 */

import type { HelperSpec, KfuncSpec } from '../../spec/index.ts'
import type { Scalar } from '../domain/scalar.ts'
import type { VerifierMap } from '../program.ts'
import type { BtfTypeRef, Reg } from '../state.ts'
import type { SpecialField } from './record.ts'

/** Data of one call. A helper's or a kfunc's; memory checks read `packetAccess` and `rawMode`, and set `rawRegno`, `rawSize`. */
export class CallContext {
  readonly helper: HelperSpec | undefined
  readonly kfunc: KfuncSpec | undefined
  /** Packet pointers are accepted for memory. */
  packetAccess = false
  /** The argument is memory that the callee initialises: stack that was never written is accepted. */
  rawMode = false
  /** The stack range that the callee initialises: the register that points there, and bytes. */
  rawRegno = -1
  rawSize = 0
  /** The map of the last `const_map_ptr`, or of a field of a map value; and which inner map it is. */
  map: VerifierMap | undefined = undefined
  mapUid = 0
  /** The key, where it is a known constant on the stack; -1: unknown. At most 32 bits matter. */
  constantKey = -1
  /** The argument that is released; 0: none. */
  releaseRegno = 0
  /** Reference of the argument that has one. */
  refObjId = 0
  /** Bytes of the memory that is returned. */
  memSize = 0
  /** Upper bound of the last size argument, as the kernel keeps it: the low 32 bits of it, signed. */
  maxMemSize = 0
  /** Subprogram of the callback. */
  subprogno = -1
  /** The dynptr that was handed over: what is returned may be a slice of it. */
  dynptr: Reg | undefined = undefined
  /** The BTF type that the arguments decide is returned. */
  returnType: BtfTypeRef | undefined = undefined
  kptrField: SpecialField | undefined = undefined
  /** The list or tree that a kernel function works on. */
  rootField: SpecialField | undefined = undefined
  /** The object that was handed over: its type, and whether it is owned. */
  objectType: BtfTypeRef | undefined = undefined
  objectIsOwned = false
  /** The one argument that has to be a constant. */
  constant: Scalar | undefined = undefined
  /** Bytes of the buffer that a kernel function returns, if an argument says so, and whether it may only be read. */
  bufferSize = 0
  bufferReadOnly = false
  /** Where the iterator is that was handed over. */
  iteratorFrame = -1
  iteratorSlot = -1

  constructor(helper: HelperSpec | undefined, kfunc: KfuncSpec | undefined) {
    this.helper = helper
    this.kfunc = kfunc
  }
}
