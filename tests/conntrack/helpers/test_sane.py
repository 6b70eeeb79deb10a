"""SANE: the answer to a start request."""

import struct

import pytest
from control_channels import Talk
from scenes import INSIDE_OUT, replay, tcp

from pcapaudit.conntrack.config import ConntrackConfig

SANE = ConntrackConfig().with_helper("sane")
START, OTHER = struct.pack("!II", 7, 0), struct.pack("!II", 8, 0)
ANSWER = struct.pack("!IHHI", 0, 0, 45000, 0x1234)
RULES = INSIDE_OUT.replace('iifname "inside" ct state new accept', "tcp dport 6566 accept")


def scanned(*said, **more):
    """State and certainty of the data connection after the client's and the server's packets, in turn."""
    talk = Talk("10.0.0.1:3000", "192.0.2.1:6566").open()
    for k, data in enumerate(said):
        talk.send(k % 2, data)
    row = replay([*talk.packets, (1, tcp("10.0.0.1:3001", "192.0.2.1:45000", "S"))], RULES, config=SANE, **more).rows[-1]
    return row.state, row.decided


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ((START, ANSWER), "related"),
        ((START, ANSWER[:8]), "related"),
        ((OTHER, ANSWER), "new"),
        ((START, ANSWER[:7]), "new"),
        ((START, b"\0\0\0\1" + ANSWER[4:]), "new"),
        ((START, ANSWER[:4] + b"\0\1" + ANSWER[6:]), "new"),
        ((START, b"x", OTHER, ANSWER), "new"),
        # A request of another length is none of those that are looked at.
        ((START + b"more", ANSWER), "new"),
        ((b"", ANSWER), "new"),
    ],
)
def test_start_request_and_its_answer(said, state):
    """Both have to be whole, and the answer good."""
    assert scanned(*said) == (state, 1)


@pytest.mark.parametrize("snaplen", [46, 44])
def test_cut_off(snaplen):
    """Request or answer hidden: undecidable."""
    assert scanned(START, ANSWER, snaplen=snaplen) == ("new", 0)
