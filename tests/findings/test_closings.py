"""Ends of connections: what is written down, what is handed back, and what is forgotten."""

from __future__ import annotations

import numpy as np
from packets import packets

from pcapaudit.core import consts
from pcapaudit.findings.closings import Closings, End

NONE = np.zeros(0, np.int64)
UNCLAIMED = np.zeros(consts.BATCH_FRAMES, np.bool_)
ENDS = {"src": "198.51.100.7", "dst": "192.168.10.20", "sport": 443, "dport": 40000, "hash": 77}
BACK = {**ENDS, "src": ENDS["dst"], "dst": ENDS["src"], "sport": 40000, "dport": 443}
CLOSE = {"tcp_state": consts.TCPS_CLOSE, "flow": 5}
RST = {**CLOSE, "tcp_flags": consts.TCP_RST | consts.TCP_ACK, "seq": 0xFFFFFFFF, "ack": 9}


def rows(count):
    """The first rows of a batch."""
    return np.arange(count, dtype=np.int64)


def test_end_is_written_down_and_what_follows_is_handed_back():
    """Both directions of a five-tuple are one; another hash is another."""
    closings = Closings()
    batch = packets({**ENDS, **RST}, {**BACK, **CLOSE}, {**ENDS, **CLOSE, "hash": 78})
    late, sides = closings.read(*batch, (NONE, rows(3)), UNCLAIMED)
    assert (late.tolist(), sides.tolist()) == ([1], [0])
    end = closings.end(batch[0], 1)
    assert end == End(5, 1, int(batch[0].arrays["ts_ns"][0]), 1, 0, reset=True, known=True, mine=0xFFFFFFFF, theirs=9)


def test_what_closes_nothing_is_not_written_down():
    """A stray packet of no connection."""
    closings = Closings()
    batch = packets({**ENDS, "tcp_state": consts.TCPS_NONE}, ENDS)
    assert closings.read(*batch, (NONE, rows(2)), UNCLAIMED)[0].tolist() == []
    assert closings.end(batch[0], 0) is None


def test_put_writes_over():
    """The same five-tuple closes again."""
    closings = Closings()
    batch = packets({**ENDS, **RST}, {**BACK, **CLOSE, "flow": 6, "tcp_flags": consts.TCP_FIN, "seq": 10, "payload_len": 5})
    closings.read(*batch, (NONE, rows(2)), UNCLAIMED)
    closings.put(*batch, 1)
    end = closings.end(batch[0], 0)
    assert (end.flow, end.reset, end.known, end.mine) == (6, False, False, 16)


def test_fins_by_flow_and_direction():
    """Behind its data and itself, modulo 2^32; a flow in the same place takes it over."""
    closings = Closings()
    fin = {"flow": 7, "direction": consts.DIR_REPLY, "seq": 0xFFFFFFFE, "payload_len": 3}
    closings.read(*packets(fin), (rows(1), NONE), UNCLAIMED)
    assert (closings.fin_end(7, 1), closings.fin_end(7, 0)) == (2, None)
    closings.read(*packets({**fin, "flow": 7 + 0x10000}), (rows(1), NONE), UNCLAIMED)
    assert closings.fin_end(7, 1) is None


def test_memory_is_bounded():
    """A flood of ends: the arrays stay as long as they are."""
    closings = Closings()
    made = [{**ENDS, **CLOSE, "hash": k * 2654435761 % (1 << 32), "sport": k % 60000} for k in range(4000)]
    for _ in range(3):
        late, _ = closings.read(*packets(*made), (NONE, rows(4000)), UNCLAIMED)
    assert len(late) <= 4000
    assert len(closings.late) == consts.BATCH_FRAMES


def test_claimed_rows_are_no_ends():
    """Another detector has explained them."""
    closings = Closings()
    batch = packets({**ENDS, **RST}, {**BACK, **CLOSE})
    claimed = UNCLAIMED.copy()
    claimed[0] = True
    assert closings.read(*batch, (NONE, rows(2)), claimed)[0].tolist() == []
    assert closings.end(batch[0], 0).frame == 2
