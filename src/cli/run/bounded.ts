/**
 * A list that keeps its first items and counts the rest, and a tally that keeps its first names: a program may print and
 * report without end, and return something else for every packet.
 * @module
 */

/** How often each name came. Names beyond the first `limit` are counted together, as {@link OTHERS}. */
export class BoundedTally {
  readonly counts = new Map<string, number>()
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  add(name: string): void {
    const count = this.counts.get(name)
    if (count === undefined && this.counts.size >= this.limit) {
      this.counts.set(OTHERS, (this.counts.get(OTHERS) ?? 0) + 1)
    } else this.counts.set(name, (count ?? 0) + 1)
  }

  clear(): void {
    this.counts.clear()
  }
}

export const OTHERS = 'others'

export class BoundedList<T> {
  readonly items: T[] = []
  count = 0
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  add(item: T): void {
    if (this.wantsMore) this.items.push(item)
    this.count++
  }

  /** Counts an item that is not kept. */
  skip(): void {
    this.count++
  }

  /** Whether the next item will be kept: what is costly to make need not be made otherwise. */
  get wantsMore(): boolean {
    return this.items.length < this.limit
  }

  /** Items that were not kept. */
  get left(): number {
    return this.count - this.items.length
  }
}
