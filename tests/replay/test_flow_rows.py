"""From the engine's packed copies to rows of FLOW_DTYPE."""

import numpy as np

from pcapaudit.conntrack import layout
from pcapaudit.core import consts
from pcapaudit.core.columns import FLOW_DTYPE
from pcapaudit.replay import flow_layout
from pcapaudit.replay.flow_rows import flow_rows


def packed():
    """One zeroed element of the engine's output, as 64-bit and as 32-bit words."""
    quads = np.zeros((1, flow_layout.OUT_QUADS), np.uint64)
    return quads, quads.view(np.uint32)


def test_nothing():
    """No flow, no row."""
    rows = flow_rows(np.zeros((0, flow_layout.OUT_QUADS), np.uint64))
    assert (len(rows), rows.dtype) == (0, FLOW_DTYPE)


def test_history_letters_are_unpacked_in_order():
    """Five bits each from the lowest on; the four highest bits are no letters."""
    quads, _ = packed()
    codes = [1, 2 + 16, 3, 4, 3 + 16, 5, 6 + 16, 8, 9]
    quads[0, flow_layout.OUT_FLOW + flow_layout.Q_HISTORY] = sum(code << 5 * place for place, code in enumerate(codes)) | 0xF << 60
    assert flow_rows(quads)["history"][0] == b"ShADaFrTW"


def test_unknown_interfaces_and_negative_times():
    """Numbers above those a row can name, and a time before 1970."""
    quads, words = packed()
    words[0, 2 * flow_layout.OUT_FLOW + flow_layout.W_WAY] = 0xFE | 0xFF << 8
    quads[0, flow_layout.OUT_WHEN] = 2**64 - 5
    rows = flow_rows(quads)
    assert (rows["iif"][0], rows["oif"][0], rows["end_ns"][0]) == (consts.IFACE_NONE, consts.IFACE_UNKNOWN, -5)


def test_icmp_ports_word():
    """Identifier, type and code are told from ports."""
    quads, words = packed()
    words[0, layout.W_PROTO] = consts.PROTO_ICMP | 4 << 8 | 3 << 16
    words[0, layout.W_PORTS] = 77 | 8 << 16 | 1 << 24
    row = flow_rows(quads)[0]
    assert (row["sport"], row["dport"], row["icmp_type"], row["icmp_code"], row["zone"]) == (77, 0, 8, 1, 3)


def test_refused_before():
    """Frame numbers are stored as distances."""
    quads, words = packed()
    quads[0, flow_layout.OUT_FLOW + flow_layout.Q_FIRST_FRAME] = 100
    words[0, 2 * flow_layout.OUT_FLOW + flow_layout.W_BLOCKED_FRAME] = 30
    words[0, 2 * flow_layout.OUT_FLOW + flow_layout.W_BLOCKED_COUNT] = 4
    words[0, 2 * flow_layout.OUT_FLOW + flow_layout.W_LAST_FRAME] = 105
    row = flow_rows(quads)[0]
    assert (row["first_blocked_frame"], row["blocked_before"], row["last_frame"]) == (70, 4, 105)


def test_frame_numbers_beyond_32_bits():
    """The lower half of the last frame's number is enough."""
    quads, words = packed()
    quads[0, flow_layout.OUT_FLOW + flow_layout.Q_FIRST_FRAME] = (7 << 32) - 5
    words[0, 2 * flow_layout.OUT_FLOW + flow_layout.W_LAST_FRAME] = 3
    assert flow_rows(quads)[0]["last_frame"] == (7 << 32) + 3
