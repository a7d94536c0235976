/**
 * Assembler text, with helpers by the names that a platform gives them.
 * @module
 */
import { type AssembleOptions, assemble, type Instruction } from '../isa/index.ts'
import type { Platform } from '../spec/index.ts'

/** Assembles; `call map_lookup_elem` and `call bpf_map_lookup_elem` are the platform's helper of that name. */
export function assembleFor(platform: Platform, text: string, options: AssembleOptions = {}): Instruction[] {
  let ids: Map<string, number> | undefined
  return assemble(text, {
    ...options,
    resolve: (name, target) => {
      if (target !== 'helper') return undefined
      ids ??= new Map([...platform.helpers.values()].map((helper) => [helper.name, helper.id]))
      return ids.get(name) ?? ids.get(name.replace(/^bpf_/, ''))
    },
  })
}
