"""The SCTP state table, cell by cell, against a second writing of it: one line for each direction and chunk, states in Linux's order."""

import pytest

from pcapaudit.conntrack.layout import GO_INVALID
from pcapaudit.conntrack.sctp_states import CHUNK_ROWS, CHUNKS, TRANSITIONS

V = GO_INVALID
#: none closed cookie_wait cookie_echoed established shutdown_sent shutdown_recd shutdown_ack_sent heartbeat_sent
EXPECTED = {
    (0, "init"): [1, 1, 2, 3, 4, 1, 1, 7, 2],
    (0, "init-ack"): [1, 1, 2, 3, 4, 5, 6, 7, 1],
    (0, "abort"): [1] * 9,
    (0, "shutdown"): [1, 1, 2, 3, 5, 5, 6, 7, 1],
    (0, "shutdown-ack"): [7, 1, 2, 3, 4, 7, 7, 7, 7],
    (0, "error"): [1, 1, 2, 3, 4, 5, 6, 7, 1],
    (0, "cookie-echo"): [1, 1, 3, 3, 4, 5, 6, 7, 1],
    (0, "cookie-ack"): [1, 1, 2, 4, 4, 5, 6, 7, 1],
    (0, "shutdown-complete"): [1, 1, 2, 3, 4, 5, 6, 1, 1],
    (0, "heartbeat"): [8, 1, 2, 3, 4, 5, 6, 7, 8],
    (0, "heartbeat-ack"): [1, 1, 2, 3, 4, 5, 6, 7, 8],
    (1, "init"): [V, 1, 2, 3, 4, 5, 6, 7, V],
    (1, "init-ack"): [V, 2, 2, 3, 4, 5, 6, 7, V],
    (1, "abort"): [V, 1, 1, 1, 1, 1, 1, 1, V],
    (1, "shutdown"): [V, 1, 2, 3, 6, 5, 6, 7, V],
    (1, "shutdown-ack"): [V, 1, 2, 3, 4, 7, 7, 7, V],
    (1, "error"): [V, 1, 2, 1, 4, 5, 6, 7, V],
    (1, "cookie-echo"): [V, 1, 3, 3, 4, 5, 6, 7, V],
    (1, "cookie-ack"): [V, 1, 2, 4, 4, 5, 6, 7, V],
    (1, "shutdown-complete"): [V, 1, 2, 3, 4, 5, 6, 1, V],
    (1, "heartbeat"): [V, 1, 2, 3, 4, 5, 6, 7, 8],
    (1, "heartbeat-ack"): [V, 1, 2, 3, 4, 5, 6, 7, 4],
}


def cells(direction, kind):
    """A row of the flat table."""
    start = (direction * CHUNK_ROWS + kind) * 16
    return list(TRANSITIONS[start : start + 9])


@pytest.mark.parametrize(("direction", "chunk"), EXPECTED, ids=str)
def test_every_cell(direction, chunk):
    """All 198 cells."""
    assert cells(direction, CHUNKS[chunk]) == EXPECTED[direction, chunk]


@pytest.mark.parametrize("direction", [0, 1])
def test_other_chunks_stay(direction):
    """DATA, SACK, ECNE, CWR and the reserved type change nothing."""
    others = set(range(CHUNK_ROWS)) - set(CHUNKS.values())
    assert others == {0, 3, 12, 13, 15}
    assert all(cells(direction, kind) == list(range(9)) for kind in others)
