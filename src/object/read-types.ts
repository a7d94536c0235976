/**
 * Types from a file of either kind: BTF as a kernel shows it (`/sys/kernel/btf/vmlinux`), or an ELF file with a section
 * `.BTF`: an object, a kernel image, a kernel module.
 * @module
 */
import { type Btf, type ParseBtfOptions, parseBtf } from '../btf/index.ts'
import { parseElf } from '../elf/index.ts'
import { AnybpfError } from '../util/index.ts'

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46]

/** Reads them. Throws `ERR_BTF`, `ERR_ELF`; `ERR_NOT_FOUND` for an ELF file without `.BTF`. */
export function readTypes(bytes: Uint8Array, options: ParseBtfOptions = {}): Btf {
  if (!ELF_MAGIC.every((byte, i) => bytes[i] === byte)) return parseBtf(bytes, options)
  const elf = parseElf(bytes)
  const section = elf.section('.BTF')
  if (section === undefined) throw new AnybpfError('ERR_NOT_FOUND', 'this ELF file has no section .BTF')
  return parseBtf(elf.data(section), options)
}
