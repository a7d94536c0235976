/**
 * Error numbers, as helpers and maps return them (negated).
 * @see https://man7.org/linux/man-pages/man3/errno.3.html
 * @module
 */

export const EPERM = 1
export const ENOENT = 2
export const E2BIG = 7
export const EBADF = 9
export const EAGAIN = 11
export const ENOMEM = 12
export const EACCES = 13
export const EFAULT = 14
export const EBUSY = 16
export const EEXIST = 17
export const EINVAL = 22
export const ENOSPC = 28
export const ERANGE = 34
export const EPROTONOSUPPORT = 93
export const EOPNOTSUPP = 95
/** Not a number of POSIX: operation not supported, inside the kernel. */
export const ENOTSUPP = 524
