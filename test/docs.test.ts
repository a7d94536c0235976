/**
 * The generated parts of the documents are current, and the generator does what it says.
 */
import { describe, expect, it } from 'vitest'
import { renderDocument, renderDocuments, SECTIONS, templateToNotation } from '../scripts/generate-docs.ts'
import { INSTRUCTION_TABLE } from '../src/isa/index.ts'

describe('the documents', () => {
  const documents = renderDocuments()

  it.each(documents.map((document) => [document.path, document] as const))('%s is current', (_, document) => {
    expect(document.current, 'run npm run generate').toBe(document.wanted)
  })

  it('print every section, once', () => {
    const printed = documents.flatMap(({ current }) =>
      [...current.matchAll(/<!-- generated: ([\w-]+) -->/g)].map((match) => match[1]!),
    )
    expect(printed.sort()).toEqual(Object.keys(SECTIONS).sort())
  })

  it('close what they open', () => {
    for (const { path, current } of documents) {
      expect(current.match(/<!-- end generated -->/g)?.length ?? 0, path).toBe(
        current.match(/<!-- generated: /g)?.length ?? 0,
      )
    }
  })

  it('print every encoding of the instruction table', () => {
    const isa = documents.find((document) => document.path.endsWith('isa.md'))!.wanted
    const rows = isa.split('\n').filter((line) => /^\| 0x[0-9a-f]{2} \|/.test(line))
    expect(rows).toHaveLength(INSTRUCTION_TABLE.length)
    for (const row of INSTRUCTION_TABLE) expect(isa).toContain(`\`${row.semantics.replaceAll('|', '\\|')}\``)
  })
})

describe('the generator', () => {
  it('replaces what stands between the marks, and nothing else', () => {
    const text = 'a\n<!-- generated: isa-sizes -->\nold\n<!-- end generated -->\nb\n'
    const once = renderDocument(text)
    expect(once).toContain('| DW | 3 | 8 |')
    expect(once).not.toContain('old')
    expect(once.startsWith('a\n') && once.endsWith('\nb\n')).toBe(true)
    expect(renderDocument(once)).toBe(once)
  })

  it('refuses a section that nobody prints', () => {
    expect(() => renderDocument('<!-- generated: nothing -->\n<!-- end generated -->')).toThrow(/'nothing'/)
  })

  it('writes templates in the notation of the document, and refuses forms that it does not know', () => {
    expect(templateToNotation('{w:dst} = *(u32 *)({r:src}{sum:off})')).toBe('wD = *(u32 *)(rS + off)')
    expect(templateToNotation('jeq {%:dst}, {imm:imm}, {goto:off}')).toBe('jeq %rD, imm, +off')
    expect(() => templateToNotation('{new:imm}')).toThrow(/unknown form/)
    expect(() => templateToNotation('{r:third}')).toThrow(/unknown field/)
  })
})
