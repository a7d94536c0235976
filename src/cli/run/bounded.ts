/**
 * A list that keeps its first items and counts the rest: a program may print and report without end.
 * @module
 */

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
