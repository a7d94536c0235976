#!/usr/bin/env python3
"""Times BPF programs in the running Linux kernel, through test runs alone: nothing is attached or pinned. Needs root.

JSON lines on standard input, one answer line each.

in:   {"maps", "programs": as kernel_oracle.py has them; one program}
out:  {"id": number} or {"error": text}. Maps and program stay until this process ends.
in:   {"run": id, "packets": [hex], "repeat": count}
out:  {"retvals": [number], "ns": nanoseconds per run, of each packet `count` times}
in:   {"list": id, "map": number}
out:  {"values": [hex]}     a per-CPU value is CPU 0's
"""
import json
import os
import struct
import sys
from ctypes import create_string_buffer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "score"))
import kernel_oracle as oracle  # noqa: E402

subjects = []
ALL_CPUS = os.sched_getaffinity(0)


def open_subject(request):
    fds = [oracle.create_map(spec) for spec in request["maps"]]
    for spec, fd in zip(request["maps"], fds):
        for key, value in spec.get("initial", []):
            oracle.write(fd, spec, bytes.fromhex(key), bytes.fromhex(value))
        if spec.get("frozen"):
            oracle.bpf(oracle.FREEZE, struct.pack("<I", fd))
    program, refusal = oracle.load_program(request["programs"][0], fds)
    if program < 0:
        return {"error": refusal}
    subjects.append((program, fds, request["maps"]))
    return {"id": len(subjects) - 1}


def run(request):
    program = subjects[request["run"]][0]
    repeat = request["repeat"]
    # What is listed of per-CPU maps is CPU 0's; a measurement goes where there is room.
    os.sched_setaffinity(0, {0} if repeat == 1 else ALL_CPUS)
    retvals, elapsed = [], 0
    for packet in request["packets"]:
        data = bytes.fromhex(packet)
        held = create_string_buffer(data, len(data))
        attr = struct.pack("<IIIIQQIIIIQQIII", program, 0, len(data), 0, oracle.address(held), 0, repeat, 0, 0, 0, 0, 0,
                           0, 0, 0)
        _, result = oracle.bpf(oracle.TEST_RUN, attr)
        retvals.append(struct.unpack_from("<I", result, 4)[0])
        # What the kernel measured, per run: the call itself waits for a grace period before and after.
        elapsed += struct.unpack_from("<I", result, 36)[0]
    return {"retvals": retvals, "ns": elapsed / max(1, len(retvals))}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "run" in request:
                reply = run(request)
            elif "list" in request:
                _, fds, specs = subjects[request["list"]]
                number = request["map"]
                reply = {"values": [value for _, value in oracle.dump(fds[number], specs[number])]}
            else:
                reply = open_subject(request)
        except OSError as e:
            reply = {"error": f"{e.errno}: {e.strerror}"}
        print(json.dumps(reply), flush=True)


main()
