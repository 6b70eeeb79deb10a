"""The yardstick: the loop that a person writes with dpkt in five minutes. It counts flows and knows no state, no rule, no time-out.

    python benchmarks/flowcount.py CAPTURE LIMIT

Reads the first LIMIT packets and prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from pathlib import Path

import dpkt


def main() -> None:
    """Count and print."""
    path, limit = sys.argv[1], int(sys.argv[2])
    flows: dict[tuple, int] = {}
    packets = 0
    started = time.process_time_ns()
    with Path(path).open("rb") as file:
        for _, data in islice(dpkt.pcap.Reader(file), limit):
            packets += 1
            ip = dpkt.ethernet.Ethernet(data).data
            if not isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)):
                continue
            segment = ip.data
            ports = (segment.sport, segment.dport) if isinstance(segment, (dpkt.tcp.TCP, dpkt.udp.UDP)) else (0, 0)
            ends = sorted(((ip.src, ports[0]), (ip.dst, ports[1])))
            key = (ip.p, *ends)
            flows[key] = flows.get(key, 0) + 1
    print(json.dumps({"packets": packets, "flows": len(flows), "cpu_ns": time.process_time_ns() - started}))


if __name__ == "__main__":
    main()
