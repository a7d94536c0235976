/**
 * Runs a program on every packet of a capture.
 * @module
 */

import { LINK_TYPE, linkTypeName } from '../../net/index.ts'
import { CaptureFile, openCapture } from '../../node/index.ts'
import { EXIT, step } from '../errors.ts'
import { Progress } from '../progress.ts'
import type { CliIo } from '../streams.ts'
import { visible } from '../text.ts'
import { bytesGoingOn } from './disposition.ts'
import type { PacketReport } from './report.ts'
import type { RunOutcome, Session } from './session.ts'

export interface CaptureRunOptions {
  readonly pcap: string
  readonly write?: string
  readonly context?: Readonly<Record<string, unknown>>
  readonly realTime?: boolean
}

/** What `Session.tally` does not count. */
export interface CaptureOutcome {
  readonly packets: PacketReport
  /** The fault, or the defect of the capture, that ended it early; packets before it are counted and written. */
  readonly error?: unknown
}

/**
 * The program's clock starts with the first packet and goes on with the time stamps; it never goes back, as captures
 * sometimes do.
 */
class CaptureClock {
  private first: bigint | undefined
  private latest = 0n

  /** Takes note of a packet's time. */
  pass(timestampNs: bigint): void {
    this.first ??= timestampNs
    const elapsed = timestampNs - this.first
    if (elapsed > this.latest) this.latest = elapsed
  }

  /** Nanoseconds since the first packet. */
  get elapsed(): bigint {
    return this.latest
  }
}

export async function runOnCapture(session: Session, options: CaptureRunOptions, io: CliIo): Promise<CaptureOutcome> {
  const counts = { in: 0, out: 0, bytesIn: 0, bytesOut: 0 }
  const count = ({ data }: { readonly data: Uint8Array }): void => {
    counts.in++
    counts.bytesIn += data.length
  }
  const progress = new Progress(io)
  const clock = new CaptureClock()
  const { pcap, write, context, realTime } = options
  const started = performance.now()
  let error: unknown
  let linkType: number = LINK_TYPE.ethernet
  let output: CaptureFile | undefined
  const batches = openCapture(pcap, { stdin: io.stdin })
  try {
    for (;;) {
      let batch: Awaited<ReturnType<typeof batches.next>>
      try {
        batch = await step(EXIT.badInput, pcap, () => batches.next())
      } catch (thrown) {
        // A capture that breaks off, as one does whose writer was killed: what came before is good, and was run.
        if (counts.in === 0) throw thrown
        error = thrown
        break
      }
      if (batch.done) break
      const packets = batch.value
      for (const packet of packets) {
        if (write !== undefined && output === undefined) {
          // The first packet says what the packets of the capture begin with.
          output = await step(EXIT.badInput, write, () =>
            CaptureFile.create(write, { linkType: packet.linkType, nanoseconds: true }),
          )
        }
        if (packet.linkType !== linkType) {
          linkType = packet.linkType
          warnOfLinkType(session.type, linkType, pcap, progress, io)
        }
      }
      let seen = 0
      const before = (index: number): void => {
        if (realTime === true) return
        for (; seen <= index; seen++) clock.pass(packets[seen]!.timestampNs)
        session.setElapsed(clock.elapsed)
      }
      const inputs = packets.map(({ data }) => ({ packet: data, ...(context === undefined ? {} : { context }) }))
      const outcomes = session.runAll(inputs, before)
      for (const packet of packets) {
        count(packet)
        let outcome: RunOutcome
        try {
          const next = outcomes.next()
          if (next.done) break
          outcome = next.value
        } catch (thrown) {
          error = thrown
          break
        }
        session.takeEvents(counts.in)
        const goesOn = bytesGoingOn(session.type, outcome.retval, outcome.length)
        if (goesOn === 0) continue
        counts.out++
        counts.bytesOut += goesOn
        if (output === undefined) continue
        const left = outcome.bytes()
        output.add({
          data: goesOn === left.length ? left : left.subarray(0, goesOn),
          originalLength: Math.max(left.length, packet.originalLength + left.length - packet.data.length),
          timestampNs: packet.timestampNs,
          interface: packet.interface,
        })
      }
      before(packets.length - 1)
      if (error !== undefined) break
      await step(EXIT.badInput, write, () => output?.flush())
      progress.update(counts.in, 'packets')
    }
    if (write !== undefined) {
      output ??= await step(EXIT.badInput, write, () => CaptureFile.create(write))
      await step(EXIT.badInput, write, () => output?.commit())
    }
  } finally {
    progress.clear()
    await output?.discard()
    await batches.return(undefined)
  }
  const seconds = (performance.now() - started) / 1000
  const packets = { ...counts, perSecond: seconds === 0 ? 0 : counts.in / seconds }
  return error === undefined ? { packets } : { packets, error }
}

/** Packet programs see an Ethernet header first: with another one they run, and take it for what it is not. */
function warnOfLinkType(type: string, linkType: number, pcap: string, progress: Progress, io: CliIo): void {
  if (linkType === LINK_TYPE.ethernet || type === 'raw') return
  progress.clear()
  io.stderr.write(
    `anybpf: ${visible(pcap)}: warning: packets begin with ${linkTypeName(linkType)}, not with Ethernet\n`,
  )
}
