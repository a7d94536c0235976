#!/usr/bin/env python3
"""Asks the running Linux kernel what a BPF program does with packets, through bpf(2) alone.

JSON lines on standard input, one answer line each. Nothing is attached or pinned, and every descriptor is closed after
each line. Needs root. With --no-perfmon the capabilities are dropped that let a program leak pointers and read
uninitialised stack (CAP_PERFMON, CAP_SYS_ADMIN).

in:   {"maps":     [{"type", "key", "value", "entries", "flags", "inner"?: map, "frozen"?: bool,
                     "initial"?: [[key hex, value hex]], "innerMaps"?: [[key hex, map number]],
                     "programs"?: [[index, program number]], "btf"?: hex, "btfKey"?: type, "btfValue"?: type}],
       "programs": [{"insns": hex, "type", "attach"?, "license", "flags"?, "fixups": [{"slot", "map"}],
                     "btf"?: hex, "functions"?: [[slot, type]]}],
       "run":      {"program", "packets": [hex], "context"?: hex}, "dump"?: bool}
      A fixup writes the descriptor of that map into the immediate of the lddw at `slot`.
      A program that the kernel refuses is left out of prog arrays; if it is the one to run, the answer has "error".
out:  {"runs": [{"retval", "data": hex, "context"?: hex} | {"errno"}],
       "maps": [[[key hex, value hex]] | {"records": [hex]} | null]}     a per-CPU value is CPU 0's
      or {"error": text, "log"?: text}

A request with "verify": program number, instead of "run", only asks for the verdict:
out:  {"accepted": bool, "errno"?, "log": the last lines of the verifier's log, "processed": instructions}
"""
import ctypes
import errno
import json
import mmap
import os
import struct
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
MAP_CREATE, LOOKUP, UPDATE, DELETE, NEXT_KEY, PROG_LOAD, TEST_RUN, BTF_LOAD, FREEZE = 0, 1, 2, 3, 4, 5, 10, 18, 22
CAP_SYS_ADMIN, CAP_PERFMON = 21, 38
PROG_ARRAY, PERF_EVENT_ARRAY, ARRAY_OF_MAPS, HASH_OF_MAPS, RINGBUF = 3, 4, 12, 13, 27
PER_CPU = {5, 6, 10, 21}
NO_CONTENT = {PROG_ARRAY, PERF_EVENT_ARRAY, ARRAY_OF_MAPS, HASH_OF_MAPS}
PAGE = mmap.PAGESIZE

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    buffer = ctypes.create_string_buffer(bytes(attr), 144)
    result = libc.syscall(SYS_BPF, command, buffer, len(buffer))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result, buffer


def address(buffer):
    return ctypes.addressof(buffer)


def possible_cpus():
    with open("/sys/devices/system/cpu/possible") as f:
        ranges = [part.split("-") for part in f.read().strip().split(",")]
    return sum(int(r[-1]) - int(r[0]) + 1 for r in ranges)


def load_btf(spec):
    """0 if there is none. The kernel holds on to types as long as something has them."""
    if "btf" not in spec:
        return 0
    types = bytes.fromhex(spec["btf"])
    buffer = ctypes.create_string_buffer(types, len(types))
    return bpf(BTF_LOAD, struct.pack("<QQIII", address(buffer), 0, len(types), 0, 0))[0]


def create_map(spec, inner_fd=0):
    btf = load_btf(spec)
    attr = struct.pack("<7I16s5IQ", spec["type"], spec["key"], spec["value"], spec["entries"], spec.get("flags", 0),
                       inner_fd, 0, b"", 0, btf, spec.get("btfKey", 0), spec.get("btfValue", 0), 0, 0)
    try:
        return bpf(MAP_CREATE, attr)[0]
    finally:
        if btf:
            os.close(btf)


def element(command, fd, key, value=None, flags=0):
    k = ctypes.create_string_buffer(key, max(len(key), 1))
    attr = struct.pack("<IIQQQ", fd, 0, address(k), address(value) if value is not None else 0, flags)
    bpf(command, attr)


def value_size(spec):
    if spec["type"] in PER_CPU:
        return (spec["value"] + 7) // 8 * 8 * possible_cpus()
    return spec["value"]


def write(fd, spec, key, value):
    if spec["type"] in PER_CPU:
        padded = (spec["value"] + 7) // 8 * 8
        value = value.ljust(padded, b"\0") + bytes(padded * (possible_cpus() - 1))
    element(UPDATE, fd, key, ctypes.create_string_buffer(value, len(value)))


def dump(fd, spec):
    if spec["type"] == RINGBUF:
        return {"records": ring_records(fd, spec["entries"])}
    if spec["type"] in NO_CONTENT or spec["key"] == 0:
        return None
    out, key = [], None
    value = ctypes.create_string_buffer(value_size(spec))
    while True:
        following = ctypes.create_string_buffer(spec["key"])
        k = ctypes.create_string_buffer(key, len(key)) if key is not None else None
        try:
            bpf(NEXT_KEY, struct.pack("<IIQQ", fd, 0, address(k) if k else 0, address(following)))
        except OSError as e:
            if e.errno == errno.ENOENT:
                return out
            raise
        key = following.raw
        element(LOOKUP, fd, key, value)
        out.append([key.hex(), value.raw[: spec["value"]].hex()])


def ring_records(fd, size):
    consumer = mmap.mmap(fd, PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    producer = mmap.mmap(fd, PAGE + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=PAGE)
    try:
        at, end = struct.unpack_from("<Q", consumer)[0], struct.unpack_from("<Q", producer)[0]
        records = []
        while at < end:
            start = PAGE + at % size
            header = struct.unpack_from("<I", producer, start)[0]
            length = header & 0x3FFFFFFF
            if not header & 0x40000000:
                records.append(producer[start + 8 : start + 8 + length].hex())
            at += (length + 8 + 7) // 8 * 8
        return records
    finally:
        consumer.close()
        producer.close()


def load_program(spec, map_fds):
    insns = bytearray.fromhex(spec["insns"])
    for fixup in spec.get("fixups", []):
        struct.pack_into("<i", insns, fixup["slot"] * 8 + 4, map_fds[fixup["map"]])
    code = ctypes.create_string_buffer(bytes(insns), len(insns))
    license_ = ctypes.create_string_buffer(spec["license"].encode())
    log = ctypes.create_string_buffer(1 << 20)

    def attempt(level):
        attr = struct.pack("<IIQQIIQII16sII", spec["type"], len(insns) // 8, address(code), address(license_), level,
                           len(log) if level else 0, address(log) if level else 0, 0, spec.get("flags", 0), b"", 0,
                           spec.get("attach", 0))
        return bpf(PROG_LOAD, attr)[0]

    try:
        return attempt(0), ""
    except OSError as first:
        try:
            return attempt(1), ""
        except OSError as e:
            text = log.value.decode(errors="replace").strip().splitlines()
            return -1, f"{first.strerror}: {' | '.join(text[-4:-1] or text)}"[-400:] or str(e)


# A log that does not fit is an error of its own.
LOG = ctypes.create_string_buffer(1 << 24)


def verdict_of(spec, map_fds):
    """Level 1 with statistics: of an accepted program nothing but these; of a rejected one the end of the failing path."""
    insns = bytearray.fromhex(spec["insns"])
    for fixup in spec.get("fixups", []):
        struct.pack_into("<i", insns, fixup["slot"] * 8 + 4, map_fds[fixup["map"]])
    code = ctypes.create_string_buffer(bytes(insns), len(insns))
    license_ = ctypes.create_string_buffer(spec["license"].encode())
    LOG[0] = 0
    btf = load_btf(spec)
    functions = b"".join(struct.pack("<II", slot, kind) for slot, kind in spec.get("functions", []))
    info = ctypes.create_string_buffer(functions, max(len(functions), 1))
    attr = struct.pack("<IIQQIIQII16sIIIIQI", spec["type"], len(insns) // 8, address(code), address(license_), 5, len(LOG),
                       address(LOG), 0, spec.get("flags", 0), b"", 0, spec.get("attach", 0), btf, 8 if functions else 0,
                       address(info) if functions else 0, len(functions) // 8)
    reply = {"accepted": True}
    try:
        os.close(bpf(PROG_LOAD, attr)[0])
    except OSError as e:
        reply = {"accepted": False, "errno": e.errno}
    finally:
        if btf:
            os.close(btf)
    text = LOG.value.decode(errors="replace").strip().splitlines()
    reply["log"] = text[-8:]
    for line in text[-2:]:
        if line.startswith("processed "):
            reply["processed"] = int(line.split()[1])
    return reply


def run_once(fd, packet, context):
    data = ctypes.create_string_buffer(packet, max(len(packet), 1))
    out = ctypes.create_string_buffer(len(packet) + 8192)
    ctx = ctypes.create_string_buffer(context, len(context)) if context else None
    ctx_out = ctypes.create_string_buffer(256) if context else None
    attr = struct.pack("<IIIIQQIIIIQQIII", fd, 0, len(packet), len(out), address(data), address(out), 1, 0,
                       len(context), 256 if context else 0, address(ctx) if ctx else 0,
                       address(ctx_out) if ctx_out else 0, 0, 0, 0)
    try:
        _, result = bpf(TEST_RUN, attr)
    except OSError as e:
        return {"errno": e.errno}
    _, retval, _, size = struct.unpack_from("<IIII", result)
    answer = {"retval": retval, "data": out.raw[:size].hex()}
    if ctx_out is not None:
        answer["context"] = ctx_out.raw[: struct.unpack_from("<I", result, 44)[0]].hex()
    return answer


def answer(request, open_fds):
    map_fds, program_fds, refusals = [], [], []
    for spec in request["maps"]:
        inner_fd = 0
        if "inner" in spec:
            inner_fd = create_map(spec["inner"])
            open_fds.append(inner_fd)
        fd = create_map(spec, inner_fd)
        open_fds.append(fd)
        map_fds.append(fd)
    for spec, fd in zip(request["maps"], map_fds):
        for key, value in spec.get("initial", []):
            write(fd, spec, bytes.fromhex(key), bytes.fromhex(value))
        for key, number in spec.get("innerMaps", []):
            write(fd, spec, bytes.fromhex(key), struct.pack("<I", map_fds[number]))
        if spec.get("frozen"):
            bpf(FREEZE, struct.pack("<I", fd))
    if "verify" in request:
        return verdict_of(request["programs"][request["verify"]], map_fds)
    for spec in request["programs"]:
        fd, refusal = load_program(spec, map_fds)
        if fd >= 0:
            open_fds.append(fd)
        program_fds.append(fd)
        refusals.append(refusal)
    wanted = request["run"]["program"]
    if program_fds[wanted] < 0:
        return {"error": "the kernel refuses the program", "log": refusals[wanted]}
    for spec, fd in zip(request["maps"], map_fds):
        for index, number in spec.get("programs", []):
            if program_fds[number] >= 0:
                write(fd, spec, struct.pack("<I", index), struct.pack("<I", program_fds[number]))
    context = bytes.fromhex(request["run"].get("context", ""))
    runs = [run_once(program_fds[wanted], bytes.fromhex(p), context) for p in request["run"]["packets"]]
    contents = [dump(fd, spec) for spec, fd in zip(request["maps"], map_fds)] if request.get("dump") else None
    return {"runs": runs, "maps": contents}


def drop_capabilities():
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for capability in (CAP_SYS_ADMIN, CAP_PERFMON):
        sets[capability // 32 * 3] &= ~(1 << capability % 32)  # of the effective ones
    if libc.capset(header, sets):
        sys.exit("the capabilities cannot be dropped")


def main():
    os.sched_setaffinity(0, {0})
    if "--no-perfmon" in sys.argv[1:]:
        drop_capabilities()
    for line in sys.stdin:
        open_fds = []
        try:
            reply = answer(json.loads(line), open_fds)
        except OSError as e:
            reply = {"error": f"{errno.errorcode.get(e.errno, e.errno)}: {e.strerror}"}
        except (KeyError, ValueError, struct.error) as e:
            reply = {"error": f"bad request: {e!r}"}
        for fd in open_fds:
            os.close(fd)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
