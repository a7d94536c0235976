/**
 * Names for numbers that are easily mixed up. A flavoured number takes any plain number, but not one of another flavour:
 * an address cannot be passed where a type id is meant, and arithmetic needs no casts.
 * @module
 */
export type Flavour<T, Name extends string> = T & { readonly __flavour?: Name }
