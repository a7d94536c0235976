/**
 * What `run` found out, as text.
 * @module
 */
import { formatTextTable } from '../../util/index.ts'
import { formatCount, formatDuration } from '../progress.ts'
import type { Style } from '../streams.ts'
import { formatHexDump, formatValue, visible } from '../text.ts'
import type { RunReport } from './report.ts'

export interface PrintOptions {
  /** Where the packets came from, if from a capture. */
  readonly capture?: string
  /** Show the packet, or memory, that is left after a single run. */
  readonly packet: boolean
}

export function printReport(report: RunReport, options: PrintOptions, style: Style): string {
  const parts = [
    options.capture === undefined ? printSingle(report, options, style) : printCapture(report, options.capture, style),
    printRedirects(report, style),
    printOutput(report, style),
    printEvents(report, style),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function about(report: RunReport): string {
  const words = [report.type, report.engine, report.verified ? 'verified' : 'unverified']
  if (!report.verified && !report.checked) words.push('unchecked')
  return `${visible(report.program)} (${words.join(', ')})`
}

/** With fewer runs, what engines do to code at first is most of the time. */
const WARM_RUNS = 1000

function printSingle(report: RunReport, options: PrintOptions, style: Style): string {
  let text = style.bold(about(report))
  if (report.error !== undefined) text += `: ${style.red('ended early')}`
  else if (report.retval !== null) {
    text += `: ${resultOf(report, style)}`
    if (report.runs > 1) {
      const cold = report.runs < WARM_RUNS ? ', cold: repeat it 1k times or more to measure' : ''
      text += ` in the last of ${formatCount(report.runs)} runs, ${formatDuration(report.nsPerRun!)} per run${cold}`
    }
  }
  text += '\n'
  if (options.packet && report.packet !== undefined && report.packet.length > 0) {
    const size = report.packet.length === 1 ? '1 byte' : `${formatCount(report.packet.length)} bytes`
    text += `${report.r0 === undefined ? 'packet' : 'memory'} after it, ${size}\n`
    text += formatHexDump(report.packet)
  }
  return text
}

function resultOf(report: RunReport, style: Style): string {
  if (report.r0 !== undefined) return `r0 = ${report.r0} (${report.retval})`
  return report.verdict === undefined ? String(report.retval) : `${colourOf(report.verdict, style)} (${report.retval})`
}

/** Verdicts that end a packet stand out; the words are Linux's. */
function colourOf(verdict: string, style: Style): string {
  if (/DROP|SHOT|ABORTED/.test(verdict)) return style.red(verdict)
  return /PASS|OK/.test(verdict) ? style.green(verdict) : style.yellow(verdict)
}

/** Programs whose verdict is a number may give another one for every packet. */
const SHOWN_VERDICTS = 20

function printCapture(report: RunReport, capture: string, style: Style): string {
  const packets = report.packets!
  const rate = `${formatCount(Math.round(packets.perSecond))} per second`
  const count = packets.in === 1 ? '1 packet' : `${formatCount(packets.in)} packets`
  let text = `${style.bold(about(report))}: ${count} of ${visible(capture)}, ${rate}\n`
  if (report.nsPerRun !== null) text += `${formatDuration(report.nsPerRun)} per run\n`
  const verdicts = Object.entries(report.verdicts).sort((a, b) => b[1] - a[1])
  const rows = verdicts
    .slice(0, SHOWN_VERDICTS)
    .map(([verdict, count]) => [verdict, formatCount(count), `${((100 * count) / report.runs).toFixed(1)} %`])
  if (rows.length > 0) {
    const table = formatTextTable(
      [{ title: 'verdict' }, { title: 'packets', align: 'right' }, { title: 'share', align: 'right' }],
      rows,
    )
    const [head, ...body] = table.split('\n')
    text += `\n${style.dim(head!)}\n${body.map((line, i) => line.replace(rows[i]![0]!, colourOf(rows[i]![0]!, style))).join('\n')}\n`
    text += more(verdicts.length - rows.length, 'verdicts')
  }
  return text
}

function printRedirects(report: RunReport, style: Style): string {
  if (report.redirects.length === 0) return ''
  const rows = report.redirects.map(({ target, count }) => [target, formatCount(count)])
  const table = formatTextTable([{ title: 'redirected to' }, { title: 'packets', align: 'right' }], rows)
  return `${table.replace(/^.*/, style.dim)}\n`
}

function printOutput(report: RunReport, style: Style): string {
  if (report.outputLines === 0) return ''
  const left = report.outputLines - report.output.length
  const lines = report.output.map((line) => `  ${visible(line)}\n`).join('')
  return `${style.bold('The program printed')}\n${lines}${more(left, 'lines')}`
}

function printEvents(report: RunReport, style: Style): string {
  if (report.eventCount === 0) return ''
  const lines = report.events.map(({ map, cpu, packet, data }) => {
    const where = [
      map,
      ...(cpu === undefined ? [] : [`cpu ${cpu}`]),
      ...(packet === undefined ? [] : [`packet ${packet}`]),
    ]
    return `  ${visible(where.join(', '))}: ${visible(formatValue(data))}\n`
  })
  return `${style.bold('Events')}\n${lines.join('')}${more(report.eventCount - report.events.length, 'events')}`
}

function more(count: number, what: string): string {
  return count > 0 ? `  … and ${formatCount(count)} more ${what}\n` : ''
}
