"""The DCCP state table, cell by cell, against a second writing of it: one line for each role and packet type, states in Linux's order."""

import pytest

from pcapaudit.conntrack.dccp_states import HEADER_LENGTHS, LONG_ONLY, PACKETS, TRANSITIONS
from pcapaudit.conntrack.layout import GO_IGNORE, GO_INVALID

G, V = GO_IGNORE, GO_INVALID
#: none request respond partopen open closereq closing timewait
EXPECTED = {
    ("client", "request"): [1, 1, 2, G, G, G, G, 1],
    ("client", "response"): [V, G, G, G, G, G, G, V],
    ("client", "data"): [V, V, V, V, 4, 5, 6, V],
    ("client", "ack"): [V, V, 3, 3, 4, 5, 6, V],
    ("client", "dataack"): [V, V, 3, 3, 4, 5, 6, V],
    ("client", "closereq"): [V] * 8,
    ("client", "close"): [V, V, V, 6, 6, 6, V, V],
    ("client", "reset"): [V, 7, 7, 7, 7, 7, 7, G],
    ("client", "sync"): [V, G, G, G, G, G, G, G],
    ("client", "syncack"): [V, G, G, G, G, G, G, G],
    ("server", "request"): [V, G, G, G, G, G, G, 1],
    ("server", "response"): [V, 2, 2, G, G, G, G, V],
    ("server", "data"): [V, V, V, 4, 4, V, 6, V],
    ("server", "ack"): [V, V, V, 4, 4, V, 6, V],
    ("server", "dataack"): [V, V, V, 4, 4, V, 6, V],
    ("server", "closereq"): [V, V, V, 5, 5, 5, 5, V],
    ("server", "close"): [V, V, V, 6, 6, V, 6, V],
    ("server", "reset"): [V, 7, 7, 7, 7, 7, 7, 7],
    ("server", "sync"): [V, G, G, G, G, G, G, G],
    ("server", "syncack"): [V, G, G, G, G, G, G, G],
}


@pytest.mark.parametrize(("role", "packet"), EXPECTED, ids=str)
def test_every_cell(role, packet):
    """All 160 cells."""
    start = ((role == "server") * len(PACKETS) + PACKETS.index(packet)) * 16
    assert list(TRANSITIONS[start : start + 8]) == EXPECTED[role, packet]


def test_types_that_need_long_sequence_numbers():
    """All but Data, Ack and DataAck (RFC 4340, section 5.1)."""
    assert [kind for kind in range(16) if LONG_ONLY >> kind & 1] == [0, 1, 5, 6, 7, 8, 9]


def test_header_lengths():
    """Generic header, extended sequence number, and what the type has behind them; reserved types only the first."""
    assert list(HEADER_LENGTHS[1:20:2]) == [20, 28, 16, 24, 24, 24, 24, 28, 24, 24]
    assert [HEADER_LENGTHS[low] for low in (4, 6, 8)] == [12, 20, 20]
    assert set(HEADER_LENGTHS[20:]) == {12}
