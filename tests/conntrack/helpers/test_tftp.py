"""TFTP: the server's answer from another port."""

import pytest
from scenes import INSIDE_OUT, replay, udp

from pcapaudit.conntrack.config import ConntrackConfig

C, S = "10.0.0.1:4000", "192.0.2.1:69"
TFTP = ConntrackConfig().with_helper("tftp")


def answered(first, *, config=TFTP, after=0.1, source="192.0.2.1:5555", **more):
    """What the firewall makes of an answer from another port."""
    return replay([(0, udp(C, S, first)), (after, udp(source, C, b"\0\3\0\1data"))], INSIDE_OUT, config=config, **more).rows[-1]


@pytest.mark.parametrize(
    ("first", "state"),
    [
        (b"\0\1file\0octet\0", "related"),
        (b"\0\2file\0octet\0", "related"),
        (b"\0\1", "related"),
        (b"\0\3\0\1", "new"),
        (b"\1\0file", "new"),
        (b"\1", "new"),
        (b"", "new"),
    ],
)
def test_request_opens_the_way_for_the_answer(first, state):
    """Read and write requests, whatever follows the opcode; the first packet of its connection is read."""
    assert answered(first).state == state


def test_only_the_server_and_only_for_five_minutes():
    """Another host is a stranger; so is who comes late."""
    request = b"\0\1file\0octet\0"
    assert answered(request, source="192.0.2.2:5555").said == "drop"
    # The request's own entry is over after 30 s, and takes the expectation along.
    assert answered(request, after=29.9).said == "accept"
    assert answered(request, after=30).said == "drop"


def test_cut_off_request():
    """Not even the opcode is there."""
    row = answered(b"\0\1file\0octet\0", snaplen=28)
    assert (row.state, row.said, row.decided) == ("new", "drop", 0)
