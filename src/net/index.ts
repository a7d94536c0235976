/**
 * Packets and captures: build and dissect packets, compute checksums, read and write pcap and pcapng.
 * @module
 */
export * from './address.ts'
export * from './build.ts'
export {
  type Capture,
  type CapturedPacket,
  type CaptureFormat,
  type CaptureInterface,
  CaptureParser,
  type CaptureReadOptions,
  parseCapture,
  readCapture,
  readCaptureBatches,
} from './capture.ts'
export {
  createPcapWriter,
  type PacketToWrite,
  type PcapWriter,
  type PcapWriterOptions,
  writeCapture,
} from './capture-write.ts'
export * from './checksum.ts'
export * from './dissect.ts'
export type { RawOption, TcpOption } from './header-options.ts'
export type { Ipv6Extension } from './ipv6-extensions.ts'
export type * from './layers.ts'
export { ETHER_TYPE, IP_PROTOCOL, LINK_TYPE, linkTypeName, protocolName, TCP_FLAGS, type TcpFlag } from './protocols.ts'
export * from './summarize.ts'
