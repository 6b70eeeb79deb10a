"""Two versions of the same bytes, told from retransmissions of every shape."""

from __future__ import annotations

import pytest
from findings_of import findings_in
from scenes import udp
from talks import CLIENT, SERVER, handshake, segment

QUESTION = (1, segment(CLIENT, SERVER, "PA", 1001, 5001, b"GET / HTTP/1.1\r\n"))
TRUE = (1.2, segment(SERVER, CLIENT, "PA", 5001, 1017, b"HTTP/1.1 200 OK\r\n", ttl=52))
FORGED = (1.1, segment(SERVER, CLIENT, "PA", 5001, 1017, b"HTTP/1.1 302 Found\r\nLocation: x", ttl=244))


def found(*packets, **options):
    """The findings with this code in a talk with these packets."""
    return [
        each for each in findings_in([*handshake(), QUESTION, *packets], **options) if each.code == "retransmission-with-different-data"
    ]


def test_two_answers_race():
    """The forged one came first."""
    (violation,) = found(FORGED, TRUE)
    assert violation.message == (
        "198.51.100.1:80 sent 10.0.0.1:40000 1 segment again with other bytes, the first in frame 6 against frame 5, with TTL 244 and 52; "
        "accepted."
    )
    assert bytes.fromhex(violation.evidence["example"]["bytes"]).startswith(b"200 OK")


def test_overlap_in_part():
    """The second begins in the middle of the first."""
    assert found((1.1, segment(SERVER, CLIENT, "PA", 5001, 1017, b"abcdefgh")), (1.2, segment(SERVER, CLIENT, "PA", 5005, 1017, b"efGh")))


def test_true_answer_is_longer_than_the_forged_one():
    """It begins where the forged one did, and reaches beyond: it counts as new data, too."""
    (violation,) = found(
        (1.1, segment(SERVER, CLIENT, "PA", 5001, 1017, b"HTTP/1.1 302 F")),
        (1.2, segment(SERVER, CLIENT, "PA", 5001, 1017, b"HTTP/1.1 200 OK\r\nmore")),
    )
    assert bytes.fromhex(violation.evidence["example"]["bytes"]).startswith(b"200 O")


@pytest.mark.parametrize("rows", [1, 2, 3, 4096])
def test_batches_do_not_matter(rows):
    """The same finding, wherever a batch ends."""
    assert found(FORGED, TRUE, rows=rows) == found(FORGED, TRUE)
    assert not found(TRUE, (2, TRUE[1]), rows=rows)


@pytest.mark.parametrize("rows", [1, 1000, 4096])
def test_repetitions_far_behind(rows):
    """The original is more than 1024 frames ago; the two repetitions contradict."""
    first = (1.1, segment(SERVER, CLIENT, "PA", 5001, 1017, b"abcdefgh"))
    others = [(1.2 + k / 1e4, udp("10.0.0.9:4000", "198.51.100.9:5000", b"x")) for k in range(1100)]
    again, other = (segment(SERVER, CLIENT, "PA", 5001, 1017, data) for data in (b"abcdefgh", b"abcdEfgh"))
    (violation,) = found(first, *others, (2, again), *others, (3, other), rows=rows)
    assert violation.evidence["example"]["earlier_frame"] is None
    assert violation.evidence["not_compared"] == 1


LOOKALIKES = {
    "the same again": [TRUE, (2, TRUE[1])],
    "a part again": [TRUE, (2, segment(SERVER, CLIENT, "PA", 5001, 1017, b"HTTP/1.1"))],
    "more at once": [
        (1.1, segment(SERVER, CLIENT, "PA", 5001, 1017, b"abc")),
        (1.2, segment(SERVER, CLIENT, "PA", 5004, 1017, b"def")),
        (2, segment(SERVER, CLIENT, "PA", 5001, 1017, b"abcdef")),
    ],
    "padding that is counted as data": [(1.1, segment(SERVER, CLIENT, "A", 5001, 1017, bytes(6))), TRUE, (2, TRUE[1])],
    "a keepalive with a byte of its own": [TRUE, (2, segment(SERVER, CLIENT, "A", 5017, 1017, b"\0"))],
    "the other side's bytes": [TRUE, (2, segment(CLIENT, SERVER, "PA", 1001, 5018, b"GET / HTTP/1.1\r\n"))],
}


@pytest.mark.parametrize("packets", LOOKALIKES.values(), ids=LOOKALIKES)
def test_lookalikes(packets):
    """TCP at work."""
    assert not found(*packets)


def test_snaplen_hides_and_does_not_invent():
    """Cut frames are compared as far as they go."""
    assert not found(FORGED, TRUE, snaplen=60)


def test_flood_is_bounded():
    """Thousands of repetitions: some are compared, all are counted."""
    many = [(2 + k / 10_000, TRUE[1]) for k in range(3000)]
    (violation,) = found(FORGED, TRUE, *many, FORGED)
    assert violation.evidence["compared"] + violation.evidence["not_compared"] + violation.count >= 3000
