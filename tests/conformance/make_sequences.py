"""Random, mostly legal sequences of SCTP and DCCP packets: what make_goldens.py writes to sequences/ and shows to the kernel.

Small pieces of the traffic by which the state tables were compared with the kernel: handshakes, collisions, restarts, further paths,
closing from both sides, with packets lost, repeated, out of place, of a wrong tag, role or number. Time stamps are whole milliseconds, so
that the kernel's clock and ours agree. Checksums are not looked at.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from raw_packets import write_pcap
from scenes import dccp, sctp

HERE = Path(__file__).parent

#: name → generator, seed, share of packets that follow a script, flows, mean pause in seconds.
SEQUENCES = {
    "sctp-orderly": ("sctp", 1, 0.95, 2, 0.05),
    "sctp-wild": ("sctp", 2, 0.6, 3, 0.3),
    "sctp-slow": ("sctp", 3, 0.9, 8, 2.0),
    "dccp-orderly": ("dccp", 1, 0.95, 2, 0.3),
    "dccp-wild": ("dccp", 2, 0.5, 3, 5.0),
    "dccp-slow": ("dccp", 3, 0.9, 8, 60.0),
}
FRAMES = 500
#: Handshakes, exchanges and ends: (side, chunk types of one packet).
SCTP_SCRIPTS = (
    [(0, (1,)), (1, (2,)), (0, (10,)), (1, (11,))],
    [(0, (1,)), (1, (1,)), (0, (2,)), (1, (2,)), (0, (10,)), (1, (10,)), (0, (11,)), (1, (11,))],
    [(0, (4,)), (1, (5,))],
)
SCTP_DATA = ((0, (0,)), (1, (3,)), (0, (3, 0)), (1, (0,)), (0, (4,)), (1, (5,)), (1, (4,)), (0, (5,)))
SCTP_ENDS = (
    [(0, (7,)), (1, (8,)), (0, (14,))],
    [(1, (7,)), (0, (8,)), (1, (14,))],
    [(0, (6,))],
    [(0, (7,)), (1, (7,)), (0, (8,)), (1, (8,)), (1, (14,))],
    [(0, (8,)), (1, (14,))],
    [],
)
#: The same for DCCP: (side, packet type).
DCCP_SCRIPTS = ([(0, 0), (1, 1), (0, 3)], [(0, 0), (0, 0), (1, 1), (0, 4)])
DCCP_DATA = ((0, 4), (1, 4), (1, 3), (0, 3), (0, 2), (1, 2), (0, 8), (1, 9))
DCCP_ENDS = ([(1, 5), (0, 6), (1, 7)], [(0, 6), (1, 7)], [(1, 6), (0, 7)], [(0, 7)], [(1, 7), (0, 7), (1, 7)], [])


class Flow:
    """One five-tuple and the script that its packets follow."""

    def __init__(self, r, number, kind):
        self.r, self.kind, self.script = r, kind, []
        self.ends = f"10.0.0.{number + 1}:{4000 + number}", f"192.0.2.1:{5000 + number}"
        #: SCTP: tags that packets to either side carry. DCCP: last sequence numbers.
        self.numbers = [r.getrandbits(32), r.getrandbits(32)]

    def step(self):
        """The next packet of a script, begun from either side."""
        r = self.r
        if not self.script:
            scripts = (SCTP_SCRIPTS, SCTP_DATA, SCTP_ENDS) if self.kind == "sctp" else (DCCP_SCRIPTS, DCCP_DATA, DCCP_ENDS)
            turned = r.random() < 0.25
            steps = [*r.choice(scripts[0]), *r.choices(scripts[1], k=r.randrange(8)), *r.choice(scripts[2])]
            self.script = [(side ^ turned, what) for side, what in steps]
            if r.random() < 0.3:
                self.numbers = [r.getrandbits(32), r.getrandbits(32)]
        return self.script.pop(0)

    def sctp(self, legal):
        """An SCTP packet."""
        r = self.r
        side, kinds = self.step() if r.random() < legal else (r.randrange(2), r.choices([*range(16), 192], k=r.choice([1, 1, 2])))
        tag = 0 if kinds[0] == 1 else self.numbers[1 - side]
        if r.random() > legal:
            tag = r.choice([0, 7, *self.numbers])
        own = self.numbers[side] if r.random() < legal else r.choice([0, 9, *self.numbers])
        bodies = {1: struct.pack("!IIHHI", own, 65536, 1, 1, 1), 0: bytes(12), 4: b"\0\1\0\4", 5: b"\0\1\0\4", 7: bytes(4), 10: b"cookie"}
        bodies[2] = bodies[1]
        chunks = [(kind, bodies.get(kind, b""), r.choice([0, 0, 1]) if kind in (6, 14) else 0) for kind in kinds]
        return sctp(self.ends[side], self.ends[1 - side], tag, *chunks)

    def dccp(self, legal):
        """A DCCP packet."""
        r = self.r
        side, kind = self.step() if r.random() < legal else (r.randrange(2), r.randrange(11))
        self.numbers[side] += 1
        ack = self.numbers[1 - side] - (r.random() > legal)
        short = kind in (2, 3, 4) and r.random() < 0.2
        more = {"x": 0 if short else 1, "code": r.choice([1, 1, 2]), "data": b"data" if short else b""}
        return dccp(self.ends[side], self.ends[1 - side], kind, self.numbers[side], ack, **more)


def packets(kind, seed, legal, count, pause):
    """FRAMES packets as (milliseconds, bytes)."""
    r = random.Random(seed)
    flows = [Flow(r, number, kind) for number in range(count)]
    now = 0
    for _ in range(FRAMES):
        now += max(1, round(1000 * (r.expovariate(1 / pause) if r.random() > 0.02 else r.choice([3, 10, 29, 64, 205, 241, 480]))))
        flow = r.choice(flows)
        yield now, flow.sctp(legal) if kind == "sctp" else flow.dccp(legal)


def write() -> Iterator[Path]:
    """Write every sequence; yields the files."""
    (HERE / "sequences").mkdir(exist_ok=True)
    for name, (kind, *how) in SEQUENCES.items():
        path = HERE / "sequences" / f"{name}.pcap"
        write_pcap(path, packets(kind, *how))
        yield path
