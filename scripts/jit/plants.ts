import type { Plant } from '../programs/planting.ts'
export const JIT_PLANTS: readonly Plant[] = []
