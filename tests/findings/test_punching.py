"""STUN read with dpkt, crafted messages too, and filtering by RFC 4787."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.findings.punching import FILTERINGS, filtering, is_classic_request, is_relaying, read_stun


def message(number, *attributes, length=None):
    """A STUN message."""
    body = b"".join(struct.pack("!HH", kind, len(data)) + data + bytes(-len(data) % 4) for kind, data in attributes)
    return struct.pack("!HHI12s", number, len(body) if length is None else length, 0x2112A442, b"x" * 12) + body


def test_ice_check():
    """Method, class, and what ICE adds."""
    ice = message(0x0001, (0x0006, b"abcd:efgh"), (0x0024, struct.pack("!I", 1845501695)), (0x802A, bytes(8)), (0x0025, b""))
    assert read_stun(ice) == {
        "method": 1,
        "class": "request",
        "username": "abcd:efgh",
        "priority": 1845501695,
        "ice_role": "controlling",
        "nominates": True,
    }


@pytest.mark.parametrize(
    ("number", "method", "kind"), [(0x0101, 1, "response"), (0x0111, 1, "error"), (0x0011, 1, "indication"), (0x0003, 3, "request")]
)
def test_method_and_class(number, method, kind):
    """Two bits of the class lie between those of the method."""
    assert read_stun(message(number)) == {"method": method, "class": kind}


def test_relays():
    """Methods that only TURN has."""
    assert [is_relaying(message(number)) for number in (0x0003, 0x0016, 0x0017, 0x0009, 0x0001, 0x0101)] == [True] * 4 + [False] * 2


CRAFTED = {
    "nothing": b"",
    "no cookie": bytes(20),
    "rtp": b"\x80" + bytes(30),
    "an attribute longer than the message": message(1, (0x0006, b"abc"))[:-1] + b"",
    "a length that lies": message(1, (0x0006, b"abcd"), length=60000),
    "ever the same attribute": message(1, *[(0x0025, b"")] * 3000),
    "a name of bytes": message(1, (0x0006, bytes(range(256)) * 200)),
}


@pytest.mark.parametrize("payload", CRAFTED.values(), ids=CRAFTED)
def test_crafted(payload):
    """No exception, and short texts."""
    assert len(read_stun(payload).get("username", "")) <= 60
    assert is_relaying(payload) is False


@given(st.binary(max_size=80))
def test_any_bytes(rest):
    """A dictionary, nothing else."""
    assert isinstance(read_stun(message(1)[:20] + rest), dict)
    assert isinstance(read_stun(rest), dict)


def test_filtering():
    """From the most open to the strictest."""
    made = filtering(mapped_before=True, host_known_before=True, first_from_inside=False)
    assert list(made) == list(FILTERINGS)
    assert list(made.values()) == [True, True, False]


def test_classic_request():
    """RFC 3489 had no cookie: type and length must fit."""
    head = bytes.fromhex("0001001876173c2b")
    assert is_classic_request(head, 44)
    assert not is_classic_request(head, 45)
    assert not is_classic_request(bytes.fromhex("0101001876173c2b"), 44)
    assert not is_classic_request(bytes.fromhex("000100182112a442"), 44)
    assert not is_classic_request(bytes.fromhex("0001001976173c2b"), 45)
    assert not is_classic_request(b"", 0)
