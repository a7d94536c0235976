// What the host provides.

/** Throws a named error: metadata in the linear memory is not what it must be. Does not return. */
// @ts-ignore: decorator
@external('env', 'spoiled')
export declare function spoiled(what: i32, address: u32): void

/** The memory has grown: the host's views of it are good for nothing any more. Must not call back into the runtime. */
// @ts-ignore: decorator
@external('env', 'grown')
export declare function grown(): void

/** A consumer of this map (a ring buffer) has something to read. Must not call back into the runtime. */
// @ts-ignore: decorator
@external('env', 'wake')
export declare function wake(map: u32): void
