"""The state table, cell by cell, against a second writing of it: one line for each direction and segment, states in Linux's order."""

import pytest

from pcapaudit.conntrack.layout import GO_IGNORE, GO_INVALID
from pcapaudit.conntrack.tcp_states import FLAG_KINDS, SEGMENTS, TRANSITIONS, VALID_FLAGS

G, V = GO_IGNORE, GO_INVALID
#: none syn_sent syn_recv established fin_wait close_wait last_ack time_wait close syn_sent2
EXPECTED = {
    (0, "syn"): [1, 1, G, G, G, G, G, 1, 1, 9],
    (0, "syn-ack"): [V, V, 2, V, V, V, V, V, V, 2],
    (0, "fin"): [V, V, 4, 4, 6, 6, 6, 7, 8, V],
    (0, "ack"): [3, V, 3, 3, 5, 5, 7, 7, 8, V],
    (0, "rst"): [V, 8, 8, 8, 8, 8, 8, 8, 8, 8],
    (0, "none"): [V] * 10,
    (1, "syn"): [V, 9, V, V, V, V, V, 1, V, 9],
    (1, "syn-ack"): [V, 2, G, G, G, G, G, G, G, 2],
    (1, "fin"): [V, V, 4, 4, 6, 6, 6, 7, 8, V],
    (1, "ack"): [V, G, 2, 3, 5, 5, 7, 7, 8, G],
    (1, "rst"): [V, 8, 8, 8, 8, 8, 8, 8, 8, 8],
    (1, "none"): [V] * 10,
}


@pytest.mark.parametrize(("direction", "segment"), EXPECTED, ids=str)
def test_every_cell(direction, segment):
    """All 120 cells."""
    start = (direction * 6 + SEGMENTS.index(segment)) * 16
    assert list(TRANSITIONS[start : start + 10]) == EXPECTED[direction, segment]


def test_flag_sets():
    """Nine sets are valid, with or without PSH, ECE and CWR."""
    valid = {flags for flags in range(256) if VALID_FLAGS[flags]}
    plain = {0x02, 0x22, 0x12, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30}
    assert {flags & 0x37 for flags in valid} == plain
    assert len(valid) == 8 * len(plain)


@pytest.mark.parametrize(
    ("flags", "segment"),
    [
        (0x02, "syn"),
        (0x12, "syn-ack"),
        (0x11, "fin"),
        (0x10, "ack"),
        (0x18, "ack"),
        (0x14, "rst"),
        (0x06, "rst"),
        (0x13, "syn-ack"),
        (0x00, "none"),
        (0x20, "none"),
    ],
)
def test_strongest_flag_counts(flags, segment):
    """RST over SYN over FIN over ACK."""
    assert SEGMENTS[FLAG_KINDS[flags]] == segment
