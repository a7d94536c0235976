/**
 * The machine with a memory of its own.
 * @module
 */
import { BaseMachine, type BaseMachineOptions } from './base-machine.ts'
import { GuestMemory } from './guest-memory.ts'

export interface VirtualMachineOptions extends Omit<BaseMachineOptions, 'memory'> {
  /** Default: a memory of its own. */
  readonly memory?: GuestMemory
}

export class VirtualMachine extends BaseMachine {
  constructor(options: VirtualMachineOptions) {
    super({ ...options, memory: options.memory ?? new GuestMemory() })
  }
}
