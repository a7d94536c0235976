/**
 * How long things take.
 * @module
 */

/** Milliseconds since some moment, never less than before. Where there is nothing but the language, the wall clock is the best there is. */
export function milliseconds(): number {
  return globalThis.performance?.now() ?? Date.now()
}
